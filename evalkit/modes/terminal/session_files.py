"""What a session leaves for people to read, a file each in ``files/<case-trial>/``.

==================== =======================================================================================
file                 holds
==================== =======================================================================================
``recording.cast``   the terminal as it was seen, asciicast v2: ``asciinema play`` shows it
``transcript.md``    who did what, turn by turn
``workspace.diff``   what the agent changed in its workspace
``gateway.jsonl``    every call of a model, one a line, enough to replay it
==================== =======================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evalkit.records.faults import Failure
from evalkit.records.json import Json
from evalkit.records.record import Turn

USER_MARK = "user: "
"""How a marker of the recording begins where the user does something: his action and its words, key or size."""
AGENT_MARK = "agent: "
"""How a marker of the recording begins where it is the user's turn: why, and by which sign."""


def write_transcript(
    title: str, turns: Sequence[Turn], log: Sequence[Mapping[str, Json]], failure: Failure | None = None
) -> str:
    """Return a session as Markdown: what the user did and why, what the agent showed and changed, how it broke off."""
    parts = [f"# {title}\n"]
    for turn, entry in zip(turns, log, strict=True):
        parts.append(f"## Turn {turn.turn_index}\n")
        parts.append(f"**User** ({entry['reactor_id']}): {_quoted(turn.user_text)}\n")
        parts.append(f"**Agent** ({entry['stop']}, {entry['signal']}):\n\n{_block(turn.assistant_text)}\n")
        parts += [f"- tool {call.name}: {call.raw_arguments[:300]}\n" for call in turn.tool_calls]
        changed: Any = entry["changed"]
        if changed:
            parts.append(f"Changed: {', '.join(changed)}\n")
    if failure is not None:
        parts.append(f"## It broke off\n\n{failure.stage}, {failure.error_type}: {failure.message}\n")
    return "\n".join(parts)


def _quoted(text: str) -> str:
    return text if "\n" not in text else f"\n\n{_block(text)}"


def _block(text: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}text\n{text.rstrip()}\n{fence}"
