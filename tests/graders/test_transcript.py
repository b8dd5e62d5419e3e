"""The call as judges read it."""

from __future__ import annotations

import re

from factories import make_record
from hypothesis import given
from hypothesis import strategies as st

from evalkit.graders.transcript import TranscriptLine, TranscriptLineKind, quote, read_transcript, write_transcript
from evalkit.records.record import CallerWords, CaseRecord, ToolCall, ToolOutput, Turn, Words

LOOKUP = ToolCall("get_order_status", {"order_id": "48213"}, '{"order_id": "48213"}', "c1")
FOUND = ToolOutput("c1", "get_order_status", {"order_id": "48213"}, {"status": "shipped"})


def record(*turns: Turn) -> CaseRecord:
    return make_record(turns=turns)


def test_said_and_done_stand_apart_under_one_numbering() -> None:
    """A reader can tell words from tool traffic, and still knows what came first: words before a call are before it."""
    call = record(
        Turn(1, "Where's my order?", (Words("One moment."), LOOKUP, FOUND, Words("It's shipped."))),
        Turn(2, "Thanks.", (Words("Goodbye."),)),
    )
    assert write_transcript(read_transcript(call)).splitlines() == [
        "SAID",
        '[1] turn 1 caller: "Where\'s my order?"',
        '[2] turn 1 assistant: "One moment."',
        '[5] turn 1 assistant: "It\'s shipped."',
        '[6] turn 2 caller: "Thanks."',
        '[7] turn 2 assistant: "Goodbye."',
        "",
        "TOOL TRAFFIC",
        '[3] turn 1 call "get_order_status": {"order_id": "48213"}',
        '[4] turn 1 output "get_order_status": {"status": "shipped"}',
    ]


def test_what_a_caller_said_during_an_answer_stands_where_it_was_said() -> None:
    """To the assistant or not: a judge can tell a "Wait." from an "okay", and both from a word to somebody else."""
    steps = (Words("It has"), CallerWords("Wait.", "interruption"), CallerWords("I'm on the phone.", "side_speech"))
    assert write_transcript(read_transcript(record(Turn(1, "Where is it?", steps)))).splitlines()[1:5] == [
        '[1] turn 1 caller: "Where is it?"',
        '[2] turn 1 assistant: "It has"',
        '[3] turn 1 caller: "Wait."',
        '[4] turn 1 caller, not to the assistant "side_speech": "I\'m on the phone."',
    ]


def test_a_turn_is_shown_with_what_came_before_and_nothing_after() -> None:
    """A turn-level judge must not know the future."""
    call = record(
        *(Turn(index, user, (Words(said),)) for index, (user, said) in enumerate(("ab", "cd", "ef"), start=1))
    )
    assert [line.content for line in read_transcript(call, call.turns[1])] == ["a", "b", "c", "d"]


def test_broken_arguments_and_missing_outputs_are_shown_as_they_were() -> None:
    """Arguments that are no JSON object appear as the text they were; a call without an output has none."""
    call = record(Turn(1, "", (ToolCall("x", None, "{oops", "c1"),)))
    assert read_transcript(call) == (TranscriptLine(1, TranscriptLineKind.CALL, "{oops", "x"),)


def test_an_empty_call_says_so() -> None:
    """Nothing is never mistaken for a cut."""
    assert write_transcript([]) == "SAID\n(nothing)\n\nTOOL TRAFFIC\n(none)"


@given(st.lists(st.tuples(st.sampled_from(TranscriptLineKind), st.text(), st.text(min_size=1)), max_size=8))
def test_no_text_can_make_a_line_of_its_own(parts: list[tuple[TranscriptLineKind, str, str]]) -> None:
    """Whatever is said, called or returned, there is one line for it, and it begins with its number."""
    lines = [TranscriptLine(1, kind, text, "" if kind.is_spoken else name) for kind, text, name in parts]
    written = [row for row in write_transcript(lines).splitlines() if row.startswith("[")]
    assert sorted(int(re.match(r"\[(\d+)\]", row).group(1)) for row in written) == list(range(1, len(lines) + 1))  # type: ignore[union-attr]
    headings = {"SAID", "TOOL TRAFFIC", "(nothing)", "(none)", ""}
    assert all(row in headings or row in written for row in write_transcript(lines).splitlines())


@given(st.text())
def test_a_quotation_is_one_line(text: str) -> None:
    """No character breaks the line, not even the exotic ones."""
    assert len(quote(text).splitlines()) == 1
