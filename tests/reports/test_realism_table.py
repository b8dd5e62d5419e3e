"""The ladder on the terminal, and the lines below it."""

from __future__ import annotations

import io

from rich.console import Console

from evalkit.metrics.paired import PairedDifference
from evalkit.metrics.statistics import Estimate, Interval
from evalkit.reports.realism import LadderStep, RealismLadder, RealismReport, RealismStep, StepCost
from evalkit.reports.realism_table import p_cell, reading_lines, realism_tables

LOST = tuple(f"case-{number}" for number in range(7))
DIFFERENCE = PairedDifference(20, 20, 0.9, 0.55, -0.35, Interval(-0.6, -0.1), 0.0156, "exact McNemar", 0.3)
READING = "a voice: costs 0.35 over 20 pairs: the assistant mishears"
COST = StepCost(DIFFERENCE, None, 0.0004, LOST, ("case-9",), {}, {}, 0, READING)
TEXT = RealismStep(is_duplex=False, is_line=False, is_voice=False)
VOICE = RealismStep(is_duplex=False, is_line=False, is_voice=True)
UNKNOWN = Estimate(None, 0, None)
LADDER = RealismLadder(
    ("assistant.model=m",),
    (
        LadderStep(
            TEXT, "r", "/r", Estimate(0.9, 20, Interval(0.7, 0.97)), Estimate(None, 0, None), None, "0.90 passes"
        ),
        LadderStep(VOICE, "s", "/s", Estimate(0.55, 20, None), Estimate(0.5, 20, None), COST, COST.reading),
    ),
)


def test_the_table_has_scores_and_what_each_step_costs() -> None:
    """The lowest step has no cost; a number that cannot be given is a dash."""
    out = io.StringIO()
    Console(file=out, width=120).print(*realism_tables(RealismReport((LADDER,), ("run-9: alone",))), sep="\n")
    lines = [" ".join(line.split()) for line in out.getvalue().splitlines()]
    assert any("(assistant.model=m)" in line for line in lines)
    assert "text 0.90 0.70 to 0.97 - - - - - -" in lines
    assert "clean voice 0.55 - -0.35 -0.60 to -0.10 20 <0.001 0.50 -" in lines
    assert COST.reading in lines
    assert "not on a ladder: run-9: alone" in lines


def test_flipped_cases_are_named_up_to_five() -> None:
    """Lost ones below the step that lost them."""
    assert reading_lines(LADDER) == [
        "0.90 passes",
        COST.reading,
        "  lost: case-0, case-1, case-2, case-3, case-4 and 2 more",
        "  won: case-9",
    ]
    assert p_cell(LADDER.steps[0]) == "-"
