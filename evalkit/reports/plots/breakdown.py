"""The share that passed, told apart by columns of the cases: of one run with intervals, of many jobs as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evalkit.reports.plots.style import (
    BLUE,
    GREY,
    INK,
    begin_panel,
    head,
    name_lines,
    new_figure,
    run_facts,
    shortened,
    to_png,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_JOBS = 40
_DARK_BELOW = 0.55

Shares = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Column -> value -> share, as ``passed_by`` in ``summary.json`` has it."""


def breakdown_png(summary: Mapping[str, Any]) -> bytes | None:
    """Return what passed in a run as PNG, a panel for each column; None where its mode has no such columns."""
    shares: Shares = summary.get("passed_by", {})
    if not shares:
        return None
    most = max(len(values) for values in shares.values())
    figure = new_figure(11, 1.9 + 0.36 * max(3, most))
    panels = figure.subplots(1, len(shares), squeeze=False)[0]
    for axes, (column, values) in zip(panels, shares.items(), strict=True):
        _draw_shares(axes, column, values)
    head(figure, str(summary["run_name"]), [*run_facts(summary), "share that passed, with 95 % interval"])
    height_in = figure.get_size_inches()[1]
    figure.subplots_adjust(left=0.13, right=0.94, top=1 - 1.05 / height_in, bottom=0.45 / height_in, wspace=0.75)
    return to_png(figure)


def jobs_breakdown_png(title: str, jobs: Sequence[tuple[str, Shares]]) -> bytes | None:
    """Return what passed in each of `jobs` (name, shares) as PNG, a cell for each value; None where none has shares."""
    shown = [(name, shares) for name, shares in jobs if shares][:_MOST_JOBS]
    if not shown:
        return None
    columns = list(dict.fromkeys(column for _, shares in shown for column in shares))
    values = {
        column: list(dict.fromkeys(v for _, shares in shown for v in shares.get(column, ()))) for column in columns
    }
    figure = new_figure(11, 2.3 + 0.5 * max(2, len(shown)))
    panels = figure.subplots(
        1, len(columns), squeeze=False, gridspec_kw={"width_ratios": [len(values[column]) for column in columns]}
    )[0]
    for place, (axes, column) in enumerate(zip(panels, columns, strict=True)):
        _draw_cells(axes, column, values[column], [shares.get(column, {}) for _, shares in shown])
        _name_rows(axes, [name for name, _ in shown] if place == 0 else [""] * len(shown))
    left_out = len(jobs) - len(shown)
    facts = [f"{len(jobs)} jobs", "share of case-trials that passed, and of how many"]
    head(figure, title, [*facts, f"{left_out} are not shown" if left_out else ""])
    height_in = figure.get_size_inches()[1]
    figure.subplots_adjust(left=0.3, right=0.985, top=1 - 1.05 / height_in, bottom=0.55 / height_in, wspace=0.06)
    return to_png(figure)


def _draw_shares(axes: Axes, column: str, values: Mapping[str, Mapping[str, Any]]) -> None:
    begin_panel(axes, f"By {column}")
    for place, share in enumerate(values.values()):
        if share["mean"] is None:
            continue
        low, high = share.get("ci95") or (share["mean"], share["mean"])
        axes.plot([low, high], [place, place], color=BLUE, linewidth=2.5, solid_capstyle="round")
        axes.plot(share["mean"], place, "o", color=BLUE, markersize=8, markeredgecolor="white")
        beside: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "va": "center"}
        found = f"{share['mean']:.2f}"
        axes.annotate(found, (1, place - 0.14), (10, 0), fontsize=9, color=INK, fontweight="bold", **beside)
        axes.annotate(f"n={share['n']}", (1, place + 0.22), (10, 0), fontsize=7.5, color=GREY, **beside)
    name_lines(axes, [shortened(value or "none", 16) for value in values])
    axes.set_xlim(-0.02, 1.02)
    axes.set_xticks([0, 0.5, 1.0])


def _draw_cells(
    axes: Axes, column: str, values: Sequence[str], jobs: Sequence[Mapping[str, Mapping[str, Any]]]
) -> None:
    begin_panel(axes, f"By {column}")
    axes.grid(visible=False)
    found = [[job.get(value, {}).get("mean") for value in values] for job in jobs]
    coloured = [[float("nan") if mean is None else mean for mean in row] for row in found]
    axes.imshow(coloured, cmap="cividis", vmin=0, vmax=1, aspect="auto")
    for y, row in enumerate(found):
        for x, mean in enumerate(row):
            if mean is None:
                continue
            ink = "white" if mean < _DARK_BELOW else INK
            axes.text(x, y - 0.12, f"{mean:.2f}", ha="center", va="center", fontsize=10, color=ink)
            n = f"of {jobs[y][values[x]]['n']}"
            axes.text(x, y + 0.26, n, ha="center", va="center", fontsize=7, color=ink)
    axes.set_xticks(range(len(values)))
    for label in axes.set_xticklabels([shortened(value or "none", 11) for value in values]):
        label.set_parse_math(False)
    axes.tick_params(axis="x", labelsize=8)


def _name_rows(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)))
    for label in axes.set_yticklabels([shortened(name, 46) for name in names]):
        label.set_parse_math(False)
