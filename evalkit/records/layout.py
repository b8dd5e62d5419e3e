"""What the results of a mode look like: columns of ``results.csv``, what a row stands for, which numbers are latencies.

A mode gives one :class:`ResultLayout`; tables, summary, gates, comparison, pages and pictures work with it and know no
mode by name. Columns come in a fixed order, because other people's tools read these files: the mode's own block, then
graders and evalkit's columns in the order that the mode promises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class RowUnit(StrEnum):
    """What a row of ``results.csv`` stands for."""

    CASE = "case"
    TURN = "turn"


@dataclass(frozen=True)
class SummarySetting:
    """A setting that stands flat in ``summary.json``.

    Attributes:
        key: Its name there.
        path: Where the run config has it, with dots; empty when no config key sets it.
        missing: What is written where the config says null or nothing.

    """

    key: str
    path: str
    missing: str | int | bool = ""


@dataclass(frozen=True)
class ResultLayout:
    """The results of one mode.

    Attributes:
        mode: Its name, as records and summaries carry it.
        columns: The block of ``results.csv`` that comes first.
        row_unit: Whether a row is a case-trial or one of its turns.
        own_columns: What evalkit adds in this mode, behind `columns`.
        graders_first: Whether the graders' columns stand before `own_columns` (a dialogue) or after them.
        latency_columns: Columns in milliseconds that get percentiles, and that ``gate.latency_column`` may name.
        token_columns: Columns in tokens that get percentiles.
        settings: What stands flat in ``summary.json``.
        answer_latency: The latency column that pictures and closing tables show first; empty: the mode has none.

    """

    mode: str
    columns: tuple[str, ...]
    row_unit: RowUnit = RowUnit.CASE
    own_columns: tuple[str, ...] = ("trial", "fault", "input_tokens", "cost_usd", "served_model")
    graders_first: bool = False
    latency_columns: tuple[str, ...] = ("latency_first_text_ms", "latency_response_done_ms")
    token_columns: tuple[str, ...] = ("output_tokens", "input_tokens")
    settings: tuple[SummarySetting, ...] = (
        SummarySetting("model", "assistant.model"),
        SummarySetting("data_csv", "mode.data_csv"),
    )
    answer_latency: str = ""

    @property
    def has_row_per_turn(self) -> bool:
        """Whether a row is a turn."""
        return self.row_unit is RowUnit.TURN

    def columns_with(self, grader_ids: Sequence[str]) -> tuple[str, ...]:
        """Return all columns in order, two for each grader: its grade and its rationale."""
        graded = tuple(f"{grader_id}_{part}" for grader_id in grader_ids for part in ("grade", "rationale"))
        behind = (*graded, *self.own_columns) if self.graders_first else (*self.own_columns, *graded)
        return (*self.columns, *behind)
