"""What a sweep's keys do to the share that passed: lines, a heatmap, or one line per job, whichever fits the keys.

================================= =========================================================================
swept keys                        picture
================================= =========================================================================
one, numbers (200 at most)        a line over it
two, one of them numbers, a grid  a line over it for each value of the other (six at most)
two, words or many, a grid        a heatmap with the interval in every cell
anything else                     a line per job, the best lower bound on top; rankings one under the other
================================= =========================================================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.reports.plots.style import (
    BLUE,
    DASHES,
    GREY,
    INK,
    MARKERS,
    SERIES,
    begin_panel,
    head,
    name_lines,
    new_figure,
    say,
    shortened,
    to_png,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_JOBS = 40
_MOST_CELLS = 12
_MOST_PLACES = 200


@dataclass(frozen=True)
class SweepPoint:
    """The share that passed in a job, and what it was run with.

    `mean` is None where nothing is known of who passed, `low` and `high` where no interval can be given.

    `settings` holds the overrides that differ between jobs, as they were written. Jobs of different `ranking` are not
    ranked with each other.
    """

    name: str
    settings: Mapping[str, str]
    mean: float | None
    low: float | None
    high: float | None
    n: int
    ranking: str = ""


@dataclass(frozen=True)
class _Shown:
    """A point that has a mean."""

    name: str
    settings: Mapping[str, str]
    mean: float
    low: float
    high: float
    n: int
    ranking: str


def sweep_png(title: str, points: Sequence[SweepPoint]) -> bytes:
    """Return what passed by swept key as PNG. Never fails for lack of data."""
    shown = [
        _Shown(
            p.name,
            p.settings,
            p.mean,
            p.mean if p.low is None else p.low,
            p.mean if p.high is None else p.high,
            p.n,
            p.ranking,
        )
        for p in points
        if p.mean is not None
    ]
    keys = swept_keys([point.settings for point in shown])
    numeric = [key for key in keys if all(_is_number(point.settings.get(key, "")) for point in shown)]
    if len(keys) in (1, 2) and numeric and _is_grid(shown, keys):
        over = max(numeric, key=lambda key: len({point.settings[key] for point in shown}))
        others = [key for key in keys if key != over]
        has_room = len({point.settings[over] for point in shown}) <= _MOST_PLACES
        if has_room and (not others or len({point.settings[others[0]] for point in shown}) <= len(SERIES)):
            figure = _draw_lines(shown, over, others[0] if others else None)
            return _finish(figure, title, len(points))
    if len(keys) == 2 and _is_grid(shown, keys) and _fits_heatmap(shown, keys):
        return _finish(_draw_heatmap(shown, keys[0], keys[1]), title, len(points))
    return _finish(_draw_jobs(shown), title, len(points))


def swept_keys(settings: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the keys that have more than one value, in the order they are named."""
    names = list(dict.fromkeys(name for one in settings for name in one))
    return [name for name in names if len({one.get(name) for one in settings}) > 1]


def _finish(figure: Figure, title: str, jobs: int) -> bytes:
    head(figure, title, [f"{jobs} jobs", "share of case-trials that passed, with 95 % interval"])
    return to_png(figure)


def _draw_lines(points: Sequence[_Shown], over: str, series_key: str | None) -> Figure:
    figure = new_figure(11, 4.8)
    axes = figure.subplots()
    begin_panel(axes, f"Passed by {shortened(over, 60)}", grid="y")
    places = sorted({float(point.settings[over]) for point in points})
    step = (min(np.diff(places)) if len(places) > 1 else 1.0) * 0.02
    series = list(dict.fromkeys(point.settings[series_key] if series_key else "" for point in points))
    for number, value in enumerate(series):
        own = [point for point in points if not series_key or point.settings[series_key] == value]
        own.sort(key=lambda point: float(point.settings[over]))
        colour, moved = SERIES[number], (number - (len(series) - 1) / 2) * step
        xs = [float(point.settings[over]) + moved for point in own]
        for x, point in zip(xs, own, strict=True):
            axes.plot([x, x], [point.low, point.high], color=colour, linewidth=2.2, alpha=0.75)
        label = shortened(f"{series_key}={value}", 60) if series_key else None
        style: dict[str, Any] = {"color": colour, "marker": MARKERS[number], "linestyle": DASHES[number % len(DASHES)]}
        axes.plot(xs, [point.mean for point in own], linewidth=1.5, label=label, **style)
    axes.set_xticks(places)
    axes.set_xticklabels([f"{place:g}" for place in places])
    axes.set_xlabel(shortened(over, 60), fontsize=9, parse_math=False)
    axes.set_ylim(-0.03, 1.03)
    if series_key:
        legend = axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.01, 1.0))
        for text in legend.get_texts():
            text.set_parse_math(False)
    figure.subplots_adjust(left=0.07, right=0.72 if series_key else 0.97, top=0.8, bottom=0.14)
    return figure


def _draw_heatmap(points: Sequence[_Shown], row_key: str, column_key: str) -> Figure:
    rows = list(dict.fromkeys(point.settings[row_key] for point in points))
    columns = list(dict.fromkeys(point.settings[column_key] for point in points))
    cells = {(point.settings[row_key], point.settings[column_key]): point for point in points}
    means = np.array([[cells[row, column].mean for column in columns] for row in rows])
    figure = new_figure(11, 2.2 + 0.62 * len(rows))
    axes = figure.subplots()
    begin_panel(axes, f"Passed by {shortened(row_key, 40)} (rows) and {shortened(column_key, 40)} (columns)")
    axes.grid(visible=False)
    axes.imshow(means, cmap="cividis", vmin=0, vmax=1, aspect="auto")
    for y, row in enumerate(rows):
        for x, column in enumerate(columns):
            point = cells[row, column]
            ink = "white" if point.mean < 0.55 else INK
            axes.text(x, y - 0.13, f"{point.mean:.2f}", ha="center", va="center", fontsize=11, color=ink)
            interval = f"{point.low:.2f} to {point.high:.2f}"
            axes.text(x, y + 0.24, interval, ha="center", va="center", fontsize=7.5, color=ink)
    axes.set_yticks(range(len(rows)))
    axes.set_xticks(range(len(columns)))
    for label in (
        *axes.set_yticklabels([shortened(row, 24) for row in rows]),
        *axes.set_xticklabels([shortened(column, max(8, 90 // len(columns))) for column in columns]),
    ):
        label.set_parse_math(False)
    height_in = figure.get_size_inches()[1]
    figure.subplots_adjust(left=0.2, right=0.97, top=1 - 1.05 / height_in, bottom=0.4 / height_in)
    return figure


def _draw_jobs(points: Sequence[_Shown]) -> Figure:
    best = sorted(points, key=lambda point: (point.ranking, -point.low, -point.mean))[:_MOST_JOBS]
    figure = new_figure(11, 2.0 + 0.36 * max(3, len(best)))
    axes = figure.subplots()
    left_out = len(points) - len(best)
    apart = f", {' apart from '.join(rankings)}" if len(rankings := sorted({p.ranking for p in points})) > 1 else ""
    more = f"; {left_out} more in sweep.csv" if left_out else ""
    begin_panel(axes, f"Passed by job, best lower bound first{apart}{more}")
    if best:
        _draw_job_lines(axes, best)
    else:
        say(axes, "nothing was graded")
    height_in = figure.get_size_inches()[1]
    figure.subplots_adjust(left=0.42, right=0.9, top=1 - 1.05 / height_in, bottom=0.4 / height_in)
    return figure


def _draw_job_lines(axes: Axes, points: Sequence[_Shown]) -> None:
    for place, point in enumerate(points):
        axes.plot([point.low, point.high], [place, place], color=BLUE, linewidth=2.5, solid_capstyle="round")
        axes.plot(point.mean, place, "o", color=BLUE, markersize=8, markeredgecolor="white")
        axes.text(1.03, place, f"{point.mean:.2f}", va="center", fontsize=9, color=INK, fontweight="bold")
        axes.text(1.10, place, f"n={point.n}", va="center", fontsize=8, color=GREY)
    name_lines(axes, [shortened(point.name, 58) for point in points])
    axes.set_xlim(-0.02, 1.02)


def _is_grid(points: Sequence[_Shown], keys: Sequence[str]) -> bool:
    """Whether every combination of the keys' values has exactly one point."""
    found = [tuple(point.settings.get(key) for key in keys) for point in points]
    whole = 1
    for place in range(len(keys)):
        whole *= len({combination[place] for combination in found})
    return len(set(found)) == len(found) == whole and not any(None in combination for combination in found)


def _fits_heatmap(points: Sequence[_Shown], keys: Sequence[str]) -> bool:
    return all(len({point.settings[key] for point in points}) <= _MOST_CELLS for key in keys)


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False
