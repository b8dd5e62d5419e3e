"""How the assistant's model was told of its tools, where a run says so: grades of different ways are not compared.

Only turns whose server tells have it (``labels.tool_mode``): those of a chat model behind the embedded provider.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from evalkit.records.json import Json
from evalkit.records.record import CaseRecord

LABEL = "tool_mode"


def count_tool_modes(records: Sequence[CaseRecord]) -> dict[str, int]:
    """Return tool mode -> how many turns had it, the most frequent first; empty where nobody tells."""
    turns = (turn for record in records for turn in record.turns)
    return dict(Counter(turn.labels[LABEL] for turn in turns if LABEL in turn.labels).most_common())


def summarize_tool_modes(records: Sequence[CaseRecord]) -> dict[str, Json]:
    """Return the summary's ``tool_modes`` node; nothing where nobody tells."""
    counted = count_tool_modes(records)
    return {"tool_modes": {**counted}} if counted else {}


def tool_mode_warnings(before: Sequence[CaseRecord], after: Sequence[CaseRecord]) -> list[str]:
    """Return what to say of two runs whose models were told of tools in different ways."""
    first, second = count_tool_modes(before), count_tool_modes(after)
    if first.keys() == second.keys():
        return []
    told = " ".join(f"{', '.join(modes) or 'no tool_mode'} in {side}," for modes, side in ((first, "A"), (second, "B")))
    return [f"the models were told of tools in different ways ({told.rstrip(',')}): their tool calls do not compare"]
