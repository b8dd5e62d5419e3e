"""What the pictures on the lab's pages are drawn from: plain JSON for ``assets/charts.js``.

A page imports ``charts.html.j2`` as ``charts``, calls ``{{ charts.head() }}`` in its head, and places a picture with
``{{ charts.chart(picture, "What it shows") }}``. A point is a link: every number opens what it was computed from, and
all that a picture shows stands beside it in a table.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Picture: TypeAlias = Mapping[str, Any]
_MOST_STEPS = 400
_WIDE_RANGE = 30.0


@dataclass(frozen=True)
class ChartPoint:
    """A point.

    Attributes:
        name: What it is, in words.
        x: Where it lies.
        y: How high.
        low: The lower end of the interval of `y`; None where there is none.
        high: The upper end.
        href: Where it leads to; empty: nowhere.
        group: Points of a group look the same and have one line in the legend.

    """

    name: str
    x: float
    y: float
    low: float | None = None
    high: float | None = None
    href: str = ""
    group: str = ""


def score_over_time(points: Iterable[ChartPoint]) -> Picture:
    """Return the picture of shares with their intervals over time; `x` is in seconds since 1970."""
    return _picture(points, {"kind": "time", "label": ""}, {"kind": "share", "label": "passed"}, joined=True)


def latency_over_time(points: Iterable[ChartPoint]) -> Picture:
    """Return the picture of latencies over time; `x` is in seconds since 1970, `y` in milliseconds."""
    return _picture(points, {"kind": "time", "label": ""}, {"kind": "ms", "label": "latency"}, joined=True)


def score_by_value(name: str, points: Iterable[ChartPoint]) -> Picture:
    """Return the picture of shares with their intervals over the number that is called `name`."""
    return _picture(points, {"kind": "number", "label": name}, {"kind": "share", "label": "passed"}, joined=True)


def score_by_place(name: str, points: Iterable[ChartPoint]) -> Picture:
    """Return the same over whole numbers that only count, so that nothing lies between two of them."""
    return _picture(points, {"kind": "whole", "label": name}, {"kind": "share", "label": "passed"})


def score_by_cost(points: Sequence[ChartPoint]) -> Picture:
    """Return the picture of cost against score, with the line that nobody is above: `x` in dollars, `y` a share."""
    costs = [point.x for point in points]
    wide = bool(costs) and min(costs) > 0 and max(costs) / min(costs) > _WIDE_RANGE
    axis = {"kind": "log-usd" if wide else "usd", "label": "cost of a passed case"}
    return _with_front(points, axis, "nobody is cheaper and better")


def score_by_latency(points: Sequence[ChartPoint]) -> Picture:
    """Return the picture of latency against score, with the same line: `x` in milliseconds, `y` a share."""
    return _with_front(points, {"kind": "ms", "label": "latency"}, "nobody is faster and better")


def latency_shares(measured: Mapping[str, Sequence[float]]) -> Picture:
    """Return the picture of distributions: for each name, the share of its milliseconds up to each length.

    The median is where a line crosses one half. Long lists are thinned to even steps; both ends are kept.
    """
    groups = [
        {"name": name, "joined": True, "points": [[x, y, None, None, name, ""] for x, y in _steps(values)]}
        for name, values in measured.items()
        if values
    ]
    return {
        "x": {"kind": "ms", "label": "latency"},
        "y": {"kind": "share", "label": "share of answers that were there"},
        "groups": groups,
        "steps": True,
    }


def pareto_front(points: Iterable[ChartPoint]) -> list[ChartPoint]:
    """Return the points that no other is both cheaper and better than, the cheapest first."""
    front: list[ChartPoint] = []
    for point in sorted(points, key=lambda point: (point.x, -point.y)):
        if not front or point.y > front[-1].y:
            front.append(point)
    return front


def _with_front(points: Sequence[ChartPoint], x: Mapping[str, str], told: str) -> Picture:
    front = [[point.x, point.y] for point in pareto_front(points)]
    return {**_picture(points, x, {"kind": "share", "label": "passed"}), "front": front, "frontName": told}


def _picture(
    points: Iterable[ChartPoint], x: Mapping[str, str], y: Mapping[str, str], *, joined: bool = False
) -> dict[str, Any]:
    groups: dict[str, list[list[Any]]] = {}
    for point in sorted(points, key=lambda point: point.x):
        if math.isfinite(point.x) and math.isfinite(point.y):
            drawn = [point.x, point.y, point.low, point.high, point.name, point.href]
            groups.setdefault(point.group, []).append(drawn)
    shown = [{"name": name, "joined": joined, "points": drawn} for name, drawn in groups.items()]
    return {"x": dict(x), "y": dict(y), "groups": shown, "steps": False}


def _steps(values: Sequence[float]) -> list[tuple[float, float]]:
    ordered = sorted(value for value in values if math.isfinite(value))
    count = len(ordered)
    if count <= _MOST_STEPS:
        places: Iterable[int] = range(count)
    else:
        places = sorted({round(step * (count - 1) / (_MOST_STEPS - 1)) for step in range(_MOST_STEPS)})
    return [(ordered[place], (place + 1) / count) for place in places]
