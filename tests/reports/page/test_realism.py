"""A ladder of realism as pages show it."""

from __future__ import annotations

from evalkit.metrics.statistics import Estimate
from evalkit.reports.page.realism import describe_realism
from evalkit.reports.realism import LadderStep, RealismLadder, RealismReport, RealismStep


def test_a_step_has_its_cells() -> None:
    """The lowest step costs nothing, and what has no interval has a dash."""
    text = RealismStep(is_duplex=False, is_line=False, is_voice=False)
    half = Estimate(0.5, 4, None)
    ladder = RealismLadder(("model=m",), (LadderStep(text, "r", "/r", half, half, None, "what it says"),))
    shown = describe_realism(RealismReport((ladder,), ("run-9: alone",)))
    assert shown["left_out"] == ("run-9: alone",)
    (told,) = shown["ladders"]
    assert (told["of"], told["readings"]) == (("model=m",), ["what it says"])
    (row,) = told["rows"]
    assert (row["step"], row["run"], row["directory"], row["flipped"], row["p"]) == ("text", "r", "/r", "-", "-")
    assert (row["passed"], row["cost"]) == (("0.50", "-"), ("-", "-", "-"))
