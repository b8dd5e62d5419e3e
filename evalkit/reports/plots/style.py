"""What all pictures share: colours that colour-blind readers can tell apart, names, and how a figure becomes a PNG.

Nothing is drawn through pyplot, so no global state and no display are touched. Names come from data and are taken
literally, never as markup.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito 2008, "Color Universal Design".
BLUE, SKY, GREEN, ORANGE, VERMILION, PURPLE = "#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#CC79A7"
GREY, INK, FAINT = "#767676", "#222222", "#DDDDDD"
SERIES = (BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY)
DASHES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "D", "^", "v", "P")


def new_figure(width_in: float, height_in: float) -> Figure:
    """Return an empty white figure that can be saved without a display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), dpi=120, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def to_png(figure: Figure) -> bytes:
    """Return `figure` as PNG: the same bytes for the same figure, whatever the day and the version."""
    picture = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a glyph that the font lacks becomes a box, nothing worse
        figure.savefig(picture, format="png", metadata={"Software": None})
    return picture.getvalue()


def head(figure: Figure, title: str, facts: Sequence[str]) -> None:
    """Write a title and a line of facts at the top left, the same distance from the edge whatever the height."""
    height_in = figure.get_size_inches()[1]
    text: dict[str, Any] = {"parse_math": False, "color": INK, "transform": figure.transFigure, "va": "top"}
    figure.text(0.02, 1 - 0.12 / height_in, shortened(title, 70), fontsize=15, fontweight="bold", **text)
    shown = "   ·   ".join(shortened(fact, 60) for fact in facts if fact)
    figure.text(0.02, 1 - 0.42 / height_in, shown, fontsize=10, **text)


def run_facts(summary: Mapping[str, Any]) -> list[str]:
    """Return the facts that stand under a run's name."""
    model = summary.get("model") or summary.get("assistant_model_default") or ""
    facts = [str(summary["mode"]), str(model), f"n = {summary['n']}"]
    if summary.get("trials", 1) != 1:
        facts.append(f"{summary['trials']} trials")
    if summary.get("chunk_ms"):
        facts.append(f"{summary['chunk_ms']} ms chunks")
    return facts


def begin_panel(axes: Axes, title: str, grid: str = "x") -> None:
    """Give a panel its title and the plain look; `grid` names the axis that has lines."""
    axes.set_title(title, loc="left", fontsize=11, color=INK, pad=10)
    axes.grid(visible=True, axis="y" if grid == "y" else "x", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=9, labelcolor=INK)
    for side in axes.spines.values():
        side.set_visible(False)


def name_lines(axes: Axes, names: Sequence[str]) -> None:
    """Name the lines of a panel, the first on top, with room for at least three."""
    axes.set_yticks(range(len(names)))
    for label in axes.set_yticklabels(names):
        label.set_parse_math(False)
    axes.set_ylim(max(len(names), 3) - 0.4, -0.6)


def say(axes: Axes, words: str) -> None:
    """Say in an empty panel why it is empty."""
    axes.text(0.5, 0.5, words, ha="center", va="center", color=GREY, fontsize=10, transform=axes.transAxes)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)


def draw_counts(axes: Axes, lines: Sequence[tuple[str, int, str]]) -> None:
    """Draw a bar for each (name, count, colour), the count beside it. `lines` is not empty."""
    from matplotlib.ticker import MaxNLocator

    most = max(count for _, count, _ in lines)
    for place, (_, count, colour) in enumerate(lines):
        axes.barh(place, count, color=colour, height=0.6)
        axes.text(count + most * 0.02, place, f"{count:,}", va="center", fontsize=9, color=INK)
    name_lines(axes, [name for name, _, _ in lines])
    axes.set_xlim(0, most * 1.15)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))


def shortened(text: str, most: int) -> str:
    """Return `text`, cut to `most` characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
