"""What results look like in tests: the shipped modes, and a mode of text alone."""

from __future__ import annotations

from evalkit.modes.registry import find_mode
from evalkit.records.layout import ResultLayout

QUIZ = ResultLayout(
    mode="quiz",
    columns=("case_id", "question", "assistant_text", "status", "failure_stage", "error_type", "error_message",
             "latency_first_text_ms", "latency_response_done_ms", "output_tokens"),
    case_columns=("question",),
    answer_latency="latency_first_text_ms",
)  # fmt: skip


def layout_of(mode: str) -> ResultLayout:
    """Return the layout of a shipped mode, or that of the quiz."""
    return QUIZ if mode == "quiz" else find_mode(mode).layout
