"""How the assistant's model was told of its tools, where a run says so: grades of different ways are not compared.

Only turns whose server tells have it (``labels.tool_mode``): those of a chat model behind the embedded provider.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from evalkit.records.json import Json
from evalkit.records.record import CaseRecord

LABEL = "tool_mode"
_TOLD_LIKE = {"written": "native"}


def count_tool_modes(records: Sequence[CaseRecord]) -> dict[str, int]:
    """Return tool mode -> how many turns had it, the most frequent first; empty where nobody tells."""
    turns = (turn for record in records for turn in record.turns)
    return dict(Counter(turn.labels[LABEL] for turn in turns if LABEL in turn.labels).most_common())


def summarize_tool_modes(records: Sequence[CaseRecord]) -> dict[str, Json]:
    """Return the summary's ``tool_modes`` node; nothing where nobody tells."""
    counted = count_tool_modes(records)
    return {"tool_modes": {**counted}} if counted else {}


def tool_mode_lines(counted: Mapping[str, int]) -> list[str]:
    """Return what to say of a run of which so many turns were in each tool mode."""
    lines = []
    if told := counted.get("json"):
        lines.append(f"told of tools in words (tool_mode json): {told} turns; not to be compared with tool_mode native")
    if written := counted.get("written"):
        lines.append(f"wrote calls as JSON, and nothing else (tool_mode written): {written} turns; they were made")
    return lines


def tool_mode_warnings(before: Sequence[CaseRecord], after: Sequence[CaseRecord]) -> list[str]:
    """Return what to say of two runs whose models were told of tools in different ways.

    One that wrote a call in place of making it was told of them by the API's own field all the same.
    """
    first, second = _ways(before), _ways(after)
    if set(first) == set(second):
        return []
    told = " ".join(f"{', '.join(ways) or 'no tool_mode'} in {side}," for ways, side in ((first, "A"), (second, "B")))
    return [f"the models were told of tools in different ways ({told.rstrip(',')}): their tool calls do not compare"]


def _ways(records: Sequence[CaseRecord]) -> list[str]:
    return list(dict.fromkeys(_TOLD_LIKE.get(mode, mode) for mode in count_tool_modes(records)))
