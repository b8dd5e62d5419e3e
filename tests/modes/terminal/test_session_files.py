"""The transcript that people read."""

from __future__ import annotations

from factories import make_turn
from terminal_sessions import make_stop

from evalkit.modes.terminal.case import Reaction, UserAction
from evalkit.modes.terminal.conversation import _entry
from evalkit.modes.terminal.session_files import write_transcript


def test_a_transcript_tells_who_did_what_and_why() -> None:
    """Words of several lines and fences of the agent's own do not break out of their place."""
    entry = _entry("persona", Reaction(UserAction.SAY, "a\nb"), make_stop(signal="title"), ["x.txt"], [])
    turn = make_turn(user_text="a\nb", assistant_text="```\nls\n```\n# not a heading", calls=[("edit", {"path": "x"})])
    text = write_transcript("My case", [turn, make_turn(2)], [entry, {**entry, "changed": []}])
    assert text.startswith("# My case\n\n## Turn 1\n")
    assert "**User** (persona): \n\n```text\na\nb\n```\n" in text
    assert "**Agent** (ready, title):\n\n````text\n```\nls\n```\n# not a heading\n````\n" in text
    assert '- tool edit: {"path": "x"}' in text
    assert text.count("Changed: x.txt") == 1
    assert "**User** (persona): hello" in text
