"""What pictures share."""

from __future__ import annotations

from typing import Any

from evalkit.reports.plots.style import head, new_figure, run_facts, shortened, to_png


def test_text_is_cut_with_a_sign() -> None:
    """Never longer than asked for."""
    assert shortened("abc", 3) == "abc"
    assert shortened("abcd", 3) == "ab…"


def test_names_are_taken_literally(pixels: Any) -> None:
    """Mathematical markup, scripts the font lacks and long names draw; none is an error."""
    figure = new_figure(4, 2)
    head(figure, "$\\frac{a}$ 日本語 " + "x" * 300, ["$x$", ""])
    assert pixels(to_png(figure)).shape[:2] == (240, 480)


def test_the_facts_of_a_run() -> None:
    """Trials and chunks where they say something."""
    summary = {"mode": "run", "assistant_model_default": "m", "n": 3, "trials": 2, "chunk_ms": 40}
    assert run_facts(summary) == ["run", "m", "n = 3", "2 trials", "40 ms chunks"]
    assert run_facts({"mode": "quiz", "model": "m", "n": 0}) == ["quiz", "m", "n = 0"]
