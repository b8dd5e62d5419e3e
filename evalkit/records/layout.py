"""What the results of a mode look like: columns of ``results.csv``, what a row stands for, which numbers are latencies.

A mode gives one :class:`ResultLayout`; tables, summary, gates, comparison, pages and pictures depend on it and on no
mode's name. Columns come in a fixed order, because other tools read these files: the mode's own block, then
graders and evalkit's columns in the order that the mode promises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from evalkit.records.grade import Grade
from evalkit.records.record import CaseRecord

ReadFile: TypeAlias = Callable[[str, int], bytes | None]
"""A path as a record has it, and how many bytes may be read at most -> the file's content.

None: there is no such file in the run directory, or it is longer than that.
"""


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
class SectionSource:
    """What a mode's own part of a page can show.

    Attributes:
        records: All records of the run, in case order.
        grades: Case-trial -> its grades, the newest of each grader and turn; those of turns first.
        passed: Case-trial -> whether it passed; None: that is not decided, or it was lost.
        read: Gives the content of a file that a record names.

    """

    records: Sequence[CaseRecord]
    grades: Mapping[str, Sequence[Grade]]
    passed: Mapping[str, bool | None]
    read: ReadFile


@dataclass(frozen=True)
class PageSection:
    """A part of a page, of a run or of one of its case-trials, that only this mode has.

    Attributes:
        title: Its heading.
        template: Jinja markup, as text or as the path of a file. What it shows is escaped.
        context: The run's records, grades and files -> what the template shows.
        script: JavaScript that the section needs, as text or as the path of a file; the page allows it by its hash.
            It can fetch nothing.
        style: CSS of its own, in the same way.

    """

    title: str
    template: str | Path
    context: Callable[[SectionSource], Mapping[str, object]]
    script: str | Path = ""
    style: str | Path = ""


@dataclass(frozen=True)
class Breakdown:
    """A column by whose values the share that passed is told apart.

    Attributes:
        column: Its name.
        order: Values in the order in which they are shown; others come behind, by name.

    """

    column: str
    order: tuple[str, ...] = ()

    def sorted(self, values: Iterable[str]) -> list[str]:
        """Return `values` in order, each once."""
        known = {value: place for place, value in enumerate(self.order)}
        return sorted(set(values), key=lambda value: (known.get(value, len(known)), value))


@dataclass(frozen=True)
class ResultLayout:
    """The results of one mode.

    Attributes:
        mode: Its name, as records and summaries carry it.
        columns: The block of ``results.csv`` that comes first; the first of them is the case's id.
        case_columns: Those of them that are filled from the case: an input, or a carried column, of the same name.
        setting_columns: Those of them that are filled from a setting of the same name, as the record has it.
        row_unit: Whether a row is a case-trial or one of its turns.
        own_columns: What evalkit adds in this mode, behind `columns`.
        graders_first: Whether the graders' columns stand before `own_columns` (a dialogue) or after them.
        latency_columns: Columns in milliseconds that get percentiles, and that ``gate.latency_column`` may name.
        token_columns: Columns in tokens that get percentiles.
        settings: What stands flat in ``summary.json``.
        answer_latency: The latency column that pictures, sweeps and turns show; empty: the mode has none.
        simulated_user: Whether a model plays the user, so that the summary says what that did to the run.
        page_sections: What the run's page shows of this mode alone.
        case_sections: What the page of one case-trial shows of this mode alone; their source holds that one only.
        outcome_column: The column that says how a case-trial ended in the mode's own words; empty: there is none.
        breakdowns: By what the summary and the pictures tell the share that passed apart.
        ranked_apart: Settings of the summary that change what "passed" means: runs in which they differ are never
            ranked in one list.

    """

    mode: str
    columns: tuple[str, ...]
    case_columns: tuple[str, ...] = ()
    setting_columns: tuple[str, ...] = ()
    row_unit: RowUnit = RowUnit.CASE
    own_columns: tuple[str, ...] = ("trial", "fault", "input_tokens", "cost_usd", "served_model", "passed")
    graders_first: bool = False
    latency_columns: tuple[str, ...] = ("latency_first_text_ms", "latency_response_done_ms")
    token_columns: tuple[str, ...] = ("output_tokens", "input_tokens")
    settings: tuple[SummarySetting, ...] = (
        SummarySetting("model", "assistant.model"),
        SummarySetting("data_csv", "mode.data_csv"),
    )
    answer_latency: str = ""
    simulated_user: bool = False
    page_sections: tuple[PageSection, ...] = ()
    case_sections: tuple[PageSection, ...] = ()
    outcome_column: str = ""
    breakdowns: tuple[Breakdown, ...] = ()
    ranked_apart: tuple[str, ...] = ()

    @property
    def grades_calls(self) -> bool:
        """Whether its tables grade tool calls, which `grade` is about; else `grade` is whether a case passed."""
        return "tool_call_correctness" in self.columns

    @property
    def has_row_per_turn(self) -> bool:
        """Whether a row is a turn."""
        return self.row_unit is RowUnit.TURN

    def columns_with(self, grader_ids: Sequence[str]) -> tuple[str, ...]:
        """Return all columns in order, two for each grader: its grade and its rationale.

        A latency or a number of tokens that the mode did not place stands before evalkit's own.
        """
        placed = {*self.columns, *self.own_columns}
        measured = tuple(name for name in (*self.latency_columns, *self.token_columns) if name not in placed)
        own = (*measured, *self.own_columns)
        graded = tuple(f"{grader_id}_{part}" for grader_id in grader_ids for part in ("grade", "rationale"))
        behind = (*graded, *own) if self.graders_first else (*own, *graded)
        return (*self.columns, *behind)
