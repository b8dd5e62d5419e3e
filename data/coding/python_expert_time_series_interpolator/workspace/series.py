"""Measured points of a time series, and how the time between them is filled."""

from dataclasses import dataclass

METHODS = ("previous", "next", "nearest", "linear", "monotone")
EDGES = ("none", "hold", "extend")
DUPLICATES = ("first", "last", "mean", "error")


@dataclass(frozen=True)
class Filling:
    """How to fill: a method, the longest time that is filled (None: any), and what is said outside of the points."""

    method: str = "linear"
    max_gap: float | None = None
    edges: str = "none"

    def __post_init__(self):
        if self.method not in METHODS:
            raise ValueError(f"unknown method: {self.method}")
        if self.edges not in EDGES:
            raise ValueError(f"unknown edges: {self.edges}")
        if self.edges == "extend" and self.method not in ("linear", "monotone"):
            raise ValueError(f"{self.method} has no slope to extend")
        if self.max_gap is not None and not self.max_gap > 0:
            raise ValueError("max_gap must be positive")


def clean(points, duplicates="last"):
    """Return (times, values) of [time, value] pairs, sorted, without missing values, one value for each time."""
    if duplicates not in DUPLICATES:
        raise ValueError(f"unknown duplicates: {duplicates}")
    groups = {}
    for time, value in points:
        if value is not None:
            groups.setdefault(time, []).append(value)
    if duplicates == "error" and any(len(group) > 1 for group in groups.values()):
        raise ValueError("more than one value at the same time")
    choose = {"first": lambda group: group[0], "mean": lambda group: sum(group) / len(group)}
    pick = choose.get(duplicates, lambda group: group[-1])
    times = sorted(groups)
    return times, [pick(groups[time]) for time in times]
