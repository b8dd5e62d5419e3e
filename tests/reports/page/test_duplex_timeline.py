"""A call in full duplex on one axis: every track, what became of each thing the caller did, and older records."""

from __future__ import annotations

from typing import Any

import pytest
from factories import make_case, make_record, make_turn
from turn_taking_notes import call, eventful, heard

from evalkit.reports.page.duplex_timeline import lay_out_duplex
from evalkit.reports.page.events import CallMark, TurnMarks
from evalkit.reports.page.timeline import Block, CaseTimeline, Lane


def laid_out(notes: Any, marks: dict[int, TurnMarks] | None = None) -> CaseTimeline:
    turns = tuple(make_turn(index) for index in range(1, 5))
    found = lay_out_duplex(make_record(make_case("c"), turns=turns, notes={"turn_taking": notes}), marks or {})
    assert found is not None
    return found


def on(timeline: CaseTimeline, lane: Lane) -> list[Block]:
    return [block for block in timeline.blocks if block.lane is lane]


def told(timeline: CaseTimeline, lane: Lane) -> list[tuple[str, float, float, str]]:
    return [(one.name, one.start_ms / 1000, round(one.end_ms / 1000, 3), one.label) for one in on(timeline, lane)]


def test_what_the_caller_did_is_named_with_its_words() -> None:
    """An act that has no words of its own has those of its turn; a pause is in between."""
    words = make_turn(1).user_text
    assert told(laid_out(eventful()), Lane.CALLER) == [
        ("Caller", 1.0, 2.0, words),
        ("Pause", 2.0, 2.6, "pause 0.6 s"),
        ("Caller", 2.6, 3.5, "…"),
        ("Interruption", 8.5, 9.8, "No, wait."),
        ("Backchannel", 12.0, 12.4, "mm-hmm"),
        ("Vocal tic", 14.0, 14.3, "(coughs)"),
        ("Interruption", 16.5, 17.5, "One more thing:"),
        ("Caller", 21.0, 23.0, words),
        ("Side speech", 26.2, 27.4, "Put it on the table, please."),
        ("Silence", 31.5, 36.0, "4.5 s, on purpose"),
        ("Asks again", 36.0, 37.0, "Are you still there?"),
    ]


def test_what_the_caller_was_to_do_and_did_not_is_told() -> None:
    """With the reason; nothing of it is on the axis."""
    assert laid_out(eventful()).left_out == ("vocal tic (Um.) in turn 4: the call ended first",)
    assert laid_out(heard([0.5])).left_out == ()


def test_what_became_of_it_is_told() -> None:
    """By the same definitions as the metrics: half a second to yield, 3.5 s of not yielding, a stop for side speech."""
    assert told(laid_out(eventful()), Lane.REACTION) == [
        ("Yields", 8.5, 9.0, "after 0.50 s"),
        ("Undisturbed", 12.0, 12.4, "backchannel"),
        ("Undisturbed", 14.0, 14.3, "vocal tic"),
        ("Does not yield", 16.5, 20.0, "spoke on 3.5 s"),
        ("Cuts in", 22.0, 23.0, "1.0 s before the caller's end"),
        ("Stops for it", 26.2, 27.4, "side speech"),
    ]


def test_both_are_heard_at_once() -> None:
    """Whoever began."""
    assert told(laid_out(eventful()), Lane.OVERLAP) == [
        ("Both speak", 8.5, 9.0, "both 0.50 s"),
        ("Both speak", 12.0, 12.4, "both 0.40 s"),
        ("Both speak", 14.0, 14.3, "both 0.30 s"),
        ("Both speak", 16.5, 17.5, "both 1.00 s"),
        ("Both speak", 22.0, 22.6, "both 0.60 s"),
        ("Both speak", 26.2, 27.0, "both 0.80 s"),
    ]


def test_what_was_made_stands_beside_what_was_heard() -> None:
    """From when it came for as long as it plays; what was cut short is marked, and what lasts at once lies below."""
    timeline = laid_out(eventful())
    assert told(timeline, Lane.GENERATED)[:2] == [
        ("Assistant, as generated", 4.1, 13.1, "9.0 s, 4.9 s played, arrived within 1.9 s"),
        ("Assistant, as generated", 10.4, 20.0, "9.6 s, all of it played, arrived within 2.6 s"),
    ]
    assert [(one.kind, one.level) for one in on(timeline, Lane.GENERATED)][:3] == [("cut", 0), ("", 1), ("cut", 0)]
    assert [(name, start_s, end_s) for name, start_s, end_s, _ in told(timeline, Lane.ASSISTANT)] == [
        ("Assistant, cut short", 4.3, 9.0),
        ("Assistant", 10.6, 20.0),
        ("Assistant, cut short", 22.0, 22.6),
        ("Assistant, cut short", 24.0, 27.0),
        ("Assistant", 29.0, 31.0),
    ]
    assert {one.kind for one in on(timeline, Lane.ASSISTANT)} == {"cut", ""}


def test_the_wait_is_that_of_the_metric() -> None:
    """To the first word of the answer; there is none where the assistant spoke on."""
    waits = [(start_s, end_s, label) for _, start_s, end_s, label in told(laid_out(eventful()), Lane.WAIT)]
    assert waits == [(3.5, 4.3, "800 ms"), (9.8, 10.6, "800 ms"), (23.0, 24.0, "1,000 ms")]


def test_reports_of_the_server_are_paired() -> None:
    """A beginning without an end is a moment, and so is an end without a beginning."""
    found = [(start_s, end_s, label) for _, start_s, end_s, label in told(laid_out(eventful()), Lane.DETECTION)]
    assert found[0] == (1.1, 4.0, "speech_started to speech_stopped")
    assert found[-1] == (36.2, 36.2, "speech_started")
    server = {"speech_started_s": [2.0, 3.0], "speech_stopped_s": [1.0, 4.0]}
    odd = told(laid_out({**heard([0.5]), "server": server}), Lane.DETECTION)
    assert [(start_s, end_s, label) for _, start_s, end_s, label in odd] == [
        (1.0, 1.0, "speech_stopped"),
        (2.0, 2.0, "speech_started"),
        (3.0, 4.0, "speech_started to speech_stopped"),
    ]


def test_tools_have_their_names_where_the_event_log_has_them() -> None:
    """Else they have none, and lie where the record has them."""
    assert told(laid_out(eventful()), Lane.TOOL) == [("Tools", 10.2, 10.3, "tools")]
    marks = {2: TurnMarks(calls={"x": CallMark("get_order", 10_200.0, 10_300.0)})}
    assert told(laid_out(eventful(), marks), Lane.TOOL) == [("", 10.2, 10.3, "get_order")]


def test_pauses_that_the_agent_takes_are_told() -> None:
    """It begins to speak in a pause of 0.6 s."""
    caller = [{"turn_index": 1, "act": "turn", "parts": [[1.0, 2.0], [2.6, 4.0]]}]
    agent = [{"turn_index": 1, "parts": [[2.4, 2.9]], "was_cut": True}]
    assert told(laid_out(call(caller, agent, 9.0)), Lane.REACTION) == [("Takes the pause", 2.4, 2.6, "0.6 s long")]


def test_a_label_may_use_the_room_behind_its_block() -> None:
    """Until the next one of its place, or the end of the call."""
    caller = on(laid_out(eventful()), Lane.CALLER)
    assert [round(one.room_ms) for one in caller[-3:]] == [31_500 - 27_400, 0, 3_000]


def test_an_older_record_has_what_it_has() -> None:
    """Without what was made, without turns of speech, without reports: the tracks that it has are there."""
    timeline = laid_out(heard([0.5]))
    assert {one.lane for one in timeline.blocks} == {Lane.CALLER, Lane.WAIT, Lane.ASSISTANT}
    assert (timeline.duration_ms, timeline.constructed) == (6500.0, False)


@pytest.mark.parametrize("notes", [None, "everything", {"caller": 5}, {**eventful(), "generated": [{"sound_s": 1}]}])
def test_what_cannot_be_read_has_no_such_axis(notes: Any) -> None:
    """Its page then shows the turns by the event log, as of any call."""
    assert lay_out_duplex(make_record(make_case("c"), notes={"turn_taking": notes}), {}) is None


def test_keys_and_holes_of_a_telephone_line_are_on_the_axis() -> None:
    """Keys among what the caller did, holes where the application's sound came late."""
    notes = heard([0.5])
    pressed = {
        "turn_index": 1,
        "act": "turn",
        "words": "<keys 42#>",
        "parts": [[5.7, 6.3]],
        "plan": {"act": "keypress"},
    }
    starved = {"fault": "assistant", "count": 1, "longest_ms": 150, "total_ms": 150, "spans_s": [[3.0, 3.15]]}
    notes = {**notes, "caller": [*notes["caller"], pressed], "line_findings": {"starved_playback": starved}}
    timeline = laid_out(notes)
    assert ("Keys", 5.7, 6.3, "<keys 42#>") in told(timeline, Lane.CALLER)
    assert ("Starved playback", 3.0, 3.15, "150 ms inside a word") in told(timeline, Lane.REACTION)
