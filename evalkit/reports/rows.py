"""Records and grades as the rows of ``results.csv``: one per case-trial, or one per turn where the mode is a dialogue.

Pure: paths are resolved by a callable that comes in, files are read and written elsewhere. The newest grade of each
(case-trial, turn, grader) counts; grades come in the order in which they were given. Whether a case-trial passed
(:mod:`evalkit.records.passing`) stands on its last row.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from evalkit.metrics.cost import sum_known_usd
from evalkit.records.grade import Grade
from evalkit.records.json import Json, JsonObject
from evalkit.records.layout import ResultLayout
from evalkit.records.not_shown import TOOL_CALLS, why_not_shown
from evalkit.records.pairing import predicted_calls
from evalkit.records.passing import passed_by_key
from evalkit.records.record import CaseRecord, ToolCall, ToolOutput, Turn, Usage, Words

Cell: TypeAlias = str | int | float | None
Locate: TypeAlias = Callable[[str], str]
"""A path as a record has it -> the path to write, or an empty string where there is no such file."""

_NO_TURN = Turn(turn_index=0, user_text="")


@dataclass(frozen=True)
class Row:
    """One row, and what the statistics need to know about it.

    Attributes:
        key: The case-trial.
        case_id: Trials and turns of one case belong together.
        scored: Whether it counts in a mean.
        cells: Column -> value, of all modes; the table's columns say which to show. None is an empty cell.

    """

    key: str
    case_id: str
    scored: bool
    cells: Mapping[str, Cell]


@dataclass(frozen=True)
class ResultTable:
    """All rows of a run.

    Attributes:
        layout: What the results of its mode look like.
        columns: In order.
        grader_ids: Who graded, in case order.
        rows: In the order of the records.
        passed: Case-trial -> whether it passed; None where that is not decided, or the case-trial was lost.

    """

    layout: ResultLayout
    columns: tuple[str, ...]
    grader_ids: tuple[str, ...]
    rows: tuple[Row, ...]
    passed: Mapping[str, bool | None]


@dataclass(frozen=True)
class _Graded:
    """The newest grades: (key, turn index or None, grader id) -> grade."""

    grades: Mapping[tuple[str, int | None, str], Grade] = field(default_factory=dict)

    def of_row(self, record: CaseRecord, turns: Sequence[Turn], grader_id: str) -> Grade | None:
        """Return the grade to show for `turns`: the lowest of theirs; one of the whole trace stands at its end."""
        indices: list[int | None] = [turn.turn_index for turn in turns]
        if turns[-1:] == record.turns[-1:]:
            indices.append(None)
        found = [grade for index in indices if (grade := self.grades.get((record.key, index, grader_id)))]
        given = [grade for grade in found if grade.grade is not None]
        return min(given, key=lambda grade: grade.grade or 0.0) if given else next(iter(found), None)


def build_table(
    layout: ResultLayout, config: JsonObject, records: Sequence[CaseRecord], grades: Sequence[Grade], locate: Locate
) -> ResultTable:
    """Return the rows of `records`, in their order.

    Args:
        layout: What the results of the run's mode look like.
        config: The resolved run config; fills in settings that a record does not name.
        records: In the order the rows shall have.
        grades: As stored, oldest first.
        locate: Makes paths readable from any working directory.

    """
    newest = _Graded({(grade.key, grade.turn_index, grade.grader_id): grade for grade in grades})
    types = _grader_types(records, grades)
    passed = passed_by_key(records, grades)
    rows: list[Row] = []
    for record in records:
        for turns in _turns_by_row(layout, record):
            source = _RowSource(record, turns, config, newest, types, locate, layout, passed[record.key])
            rows.append(Row(record.key, record.case.case_id, record.scored, source.cells()))
    return ResultTable(layout, layout.columns_with(tuple(types)), tuple(types), tuple(rows), passed)


def _grader_types(records: Sequence[CaseRecord], grades: Sequence[Grade]) -> dict[str, str]:
    """Return grader id -> type, in case order: in which order cases finished must not show in the columns."""
    place = {record.key: position for position, record in enumerate(records)}
    in_case_order = sorted(grades, key=lambda grade: place.get(grade.key, len(place)))
    return {grade.grader_id: grade.grader_type for grade in in_case_order}


def _turns_by_row(layout: ResultLayout, record: CaseRecord) -> list[tuple[Turn, ...]]:
    if layout.has_row_per_turn and record.turns:
        return [(turn,) for turn in record.turns]
    return [record.turns]


@dataclass(frozen=True)
class _RowSource:
    """Everything one row is made of."""

    record: CaseRecord
    turns: tuple[Turn, ...]
    config: JsonObject
    graded: _Graded
    grader_types: Mapping[str, str]
    locate: Locate
    layout: ResultLayout
    passed: bool | None

    @property
    def is_last(self) -> bool:
        return self.turns[-1:] == self.record.turns[-1:]

    def cells(self) -> dict[str, Cell]:
        """Return the cells of all modes; the table picks its own."""
        turn = _joined(self.turns)
        return {
            **self._case_cells(),
            **{name: _text(self._setting(name)) for name in self.layout.setting_columns},
            **self._identity(turn),
            **turn.labels,
            **self._expectation(turn),
            **self._outcome(),
            **self._paths(turn),
            **self._measurements(turn),
            **self._grades(),
        }

    def _case_cells(self) -> dict[str, Cell]:
        case = self.record.case
        found = {name: case.inputs.get(name, case.extra.get(name)) for name in self.layout.case_columns}
        return {
            name: value if value is None or isinstance(value, str | int | float) else _json(value)
            for name, value in found.items()
        }

    def _identity(self, turn: Turn) -> dict[str, Cell]:
        case = self.record.case
        written = case.inputs.get("user_text")
        return {
            self.layout.columns[0]: case.case_id,
            "model": _text(self._setting("assistant", "model")),
            "assistant_model": _text(self._setting("assistant", "model")),
            "simulator_model": _text(self._setting("simulator", "model")),
            "turn_index": turn.turn_index,
            "user_text": turn.all_user_text or (written if isinstance(written, str) and not self.turns else ""),
            "heard_text": turn.heard_text,
            "assistant_text": turn.assistant_text,
            "agent_text": turn.assistant_text,
            "trial": self.record.trial,
            "chunk_ms": _number(self._setting("chunk_ms")),
            "served_model": self.record.served_model,
        }

    def _expectation(self, turn: Turn) -> dict[str, Cell]:
        wanted, is_shown = self.record.case.expected_calls, why_not_shown(self.record, TOOL_CALLS) is None
        predicted = predicted_calls(wanted, turn.tool_calls)
        return {
            "gt_tool_call": _one_or_list([call.name for call in wanted]),
            "gt_tool_call_arg": _one_or_list([dict(call.arguments) for call in wanted if call.arguments]),
            "pred_tool_call": _one_or_list([call.name for call in predicted]),
            "pred_tool_call_arg": _one_or_list([_arguments(call) for call in predicted]),
            "tool_calls": _json([_shown_call(call) for call in turn.tool_calls]) if is_shown else None,
            "tool_outputs": _json(
                [
                    {"call_id": out.call_id, "name": out.name, "arguments": out.arguments, "output": out.output}
                    for out in turn.tool_outputs
                ]
            )
            if is_shown
            else None,
        }

    def _outcome(self) -> dict[str, Cell]:
        failure = self.record.failure if self.is_last else None
        return {
            "status": "failed" if failure else "ok",
            "failure_stage": str(failure.stage) if failure else "",
            "error_type": failure.error_type if failure else "",
            "error_message": failure.message if failure else "",
            "fault": str(self.record.fault) if self.record.fault else "",
        }

    def _paths(self, turn: Turn) -> dict[str, Cell]:
        stored = {**self.record.artifacts, **turn.artifacts}
        paths: dict[str, Cell] = {name: self.locate(path) for name, path in stored.items() if path}
        given = self.record.case.inputs.get("audio_path")
        return {"audio_path": self.locate(given) if isinstance(given, str) else None, **paths}

    def _measurements(self, turn: Turn) -> dict[str, Cell]:
        usage = turn.usage
        whole = self.record.measures if self.is_last else {}
        numbers = {name: round(value, 3) for name, value in {**whole, **turn.latencies, **turn.measures}.items()}
        return {
            **numbers,
            "output_tokens": usage.output_tokens,
            "output_audio_tokens": usage.output_audio_tokens,
            "output_text_tokens": usage.output_text_tokens,
            "input_tokens": usage.input_tokens,
            "cost_usd": self._cost_usd() if self.is_last else None,
        }

    def _cost_usd(self) -> float | None:
        cost_usd = sum_known_usd(self.record.cost_usd.values())
        return None if cost_usd is None else round(cost_usd, 9)

    def _grades(self) -> dict[str, Cell]:
        cells: dict[str, Cell] = {}
        for grader_id in self.grader_types:
            grade = self.graded.of_row(self.record, self.turns, grader_id)
            cells |= grade.details if grade else {}
            cells[f"{grader_id}_grade"] = _whole(grade.grade) if grade else None
            cells[f"{grader_id}_rationale"] = grade.rationale if grade else ""
        calls, arguments = self._grade_of_type("tool_call"), self._grade_of_type("tool_call_args")
        cells["tool_call_correctness"], cells["tool_call_arg_correctness"] = _whole(calls), _whole(arguments)
        cells["passed"] = int(self.passed) if self.is_last and self.passed is not None else None
        cells["grade"] = _whole(both(calls, arguments)) if self.layout.grades_calls else cells["passed"]
        return cells

    def _grade_of_type(self, grader_type: str) -> float | None:
        """Return the grade of the record's grader whose id is its type, else of its first of that type."""
        ids = sorted(
            (grader_id for grader_id, kind in self.grader_types.items() if kind == grader_type),
            key=lambda grader_id: grader_id != grader_type,
        )
        found = (self.graded.of_row(self.record, self.turns, grader_id) for grader_id in ids)
        grade = next((grade for grade in found if grade is not None), None)
        return grade.grade if grade else None

    def _setting(self, *path: str) -> Json:
        """Return a setting that was in effect: what the record says, else the run config."""
        in_effect = lookup(self.record.settings, path)
        return in_effect if in_effect is not None else lookup(self.config, path)


def row_number(row: Row, column: str) -> float | None:
    """Return the number in a cell, or None where it holds none."""
    value = row.cells.get(column)
    return float(value) if isinstance(value, int | float) else None


def both(calls: float | None, arguments: float | None) -> float | None:
    """Return a row's grade: right calls and right arguments; without a grade for arguments, the calls alone."""
    if calls is None:
        return None
    return calls if arguments is None else min(calls, arguments)


def _joined(turns: Sequence[Turn]) -> Turn:
    """Return several turns as one: texts in lines, calls in a row, tokens summed, latencies of the first."""
    if len(turns) <= 1:
        return turns[0] if turns else _NO_TURN
    said = Words("\n".join(turn.assistant_text for turn in turns))
    return replace(
        turns[0],
        user_text="\n".join(turn.all_user_text for turn in turns),
        heard_text="\n".join(heard) if (heard := [one.heard_text for one in turns if one.heard_text]) else None,
        steps=(said, *(step for turn in turns for step in turn.steps if isinstance(step, ToolCall | ToolOutput))),
        usage=sum((turn.usage for turn in turns), Usage()),
    )


def _shown_call(call: ToolCall) -> dict[str, Json]:
    return {
        "name": call.name,
        "arguments": call.arguments,
        "raw_arguments": call.raw_arguments,
        "call_id": call.call_id,
    }


def _arguments(call: ToolCall) -> Any:
    return call.raw_arguments if call.arguments is None else dict(call.arguments)


def _one_or_list(values: Sequence[Any]) -> str:
    """Return a cell: empty for none, the value itself for one (JSON for an object), a JSON list for several."""
    if len(values) != 1:
        return _json(values) if values else ""
    value = values[0]
    return value if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _whole(grade: float | None) -> Cell:
    """Return 0 and 1 as whole numbers, so that readers who expect them find them."""
    return int(grade) if grade is not None and float(grade).is_integer() else grade


def _text(value: Json) -> str:
    return "" if value is None else str(value)


def _number(value: Json) -> int | float | None:
    return value if isinstance(value, int | float) else None


def lookup(node: Json, path: Sequence[str]) -> Json:
    """Return the value at `path` inside nested objects, or None where there is none."""
    for name in path:
        node = node.get(name) if isinstance(node, Mapping) else None
    return node
