"""What becomes of each thing the caller does. Every timeline is made by hand; times are in seconds."""

from __future__ import annotations

import pytest

from evalkit.metrics.turn_taking.exchanges import (
    AnswerOutcome,
    DistractionOutcome,
    ResumeOutcome,
    YieldOutcome,
    find_barge_ins,
    find_distractions,
    find_false_stops,
    find_pauses,
    find_stretches,
    find_tool_announcements,
    follow_exchanges,
)
from evalkit.metrics.turn_taking.timeline import (
    AgentSpeech,
    CallerAct,
    CallerSpeech,
    CallTimeline,
    Segment,
    ToolCallGroup,
)

TURN, INTERRUPTION, NUDGE = CallerAct.TURN, CallerAct.INTERRUPTION, CallerAct.NUDGE
BACKCHANNEL, TIC, SIDE = CallerAct.BACKCHANNEL, CallerAct.VOCAL_TIC, CallerAct.SIDE_SPEECH


def said(act: CallerAct, *times: float) -> CallerSpeech:
    return CallerSpeech(act, segments(*times))


def spoken(*times: float, cut: bool = False) -> AgentSpeech:
    return AgentSpeech(segments(*times), was_cut=cut)


def segments(*times: float) -> tuple[Segment, ...]:
    return tuple(Segment(start, end) for start, end in zip(times[::2], times[1::2], strict=True))


def call(*events: CallerSpeech | AgentSpeech | ToolCallGroup, lasts: float = 30.0) -> CallTimeline:
    return CallTimeline(
        "call",
        lasts,
        tuple(event for event in events if isinstance(event, CallerSpeech)),
        tuple(event for event in events if isinstance(event, AgentSpeech)),
        tuple(event for event in events if isinstance(event, ToolCallGroup)),
    )


def test_sentences_of_one_answer_are_one_stretch() -> None:
    """Up to a second apart; a longer silence inside an answer is a stop, and what ends last ends as the answer does."""
    one = call(spoken(1, 2, 2.9, 4, 5.2, 6), spoken(8, 9, cut=True))
    found = [(stretch.extent, stretch.ended_naturally) for stretch in find_stretches(one)]
    assert found == [(Segment(1, 4), False), (Segment(5.2, 6), True), (Segment(8, 9), False)]


@pytest.mark.parametrize(
    ("timeline", "answers"),
    [
        (call(said(TURN, 1, 3), spoken(3.5, 5)), [(AnswerOutcome.ANSWERED, 0.5)]),
        (call(said(TURN, 1, 3), spoken(2.85, 5)), [(AnswerOutcome.ANSWERED, -0.15)]),  # early, no cut-in
        (call(said(TURN, 1, 3), spoken(2.75, 5)), [(AnswerOutcome.AGENT_SPEAKING, None)]),
        (
            call(said(TURN, 1, 3), spoken(1.5, 2), spoken(4, 5)),
            [(AnswerOutcome.ANSWERED, 1.0)],
        ),  # the second segment answers
        (
            call(said(TURN, 1, 3), said(NUDGE, 6, 7), spoken(8, 9)),
            [(AnswerOutcome.UNANSWERED, None), (AnswerOutcome.ANSWERED, 1.0)],
        ),
        (call(said(TURN, 1, 3), said(BACKCHANNEL, 4, 4.2), spoken(5, 6)), [(AnswerOutcome.ANSWERED, 2.0)]),
        (call(said(TURN, 1, 3), lasts=12.9), [(AnswerOutcome.CALL_ENDED, None)]),
        (call(said(TURN, 1, 3), lasts=13.0), [(AnswerOutcome.UNANSWERED, None)]),
        (call(spoken(0, 0.8), said(TURN, 1, 3), spoken(3.25, 4)), [(AnswerOutcome.ANSWERED, 0.25)]),  # after a greeting
        # A short "wait": the agent yields when it is over, then answers.
        (call(spoken(0, 4.5, cut=True), said(INTERRUPTION, 4, 4.3), spoken(5.3, 7)), [(AnswerOutcome.ANSWERED, 1.0)]),
        (call(spoken(0, 9), said(INTERRUPTION, 4, 5), spoken(11, 12)), [(AnswerOutcome.AGENT_SPEAKING, None)]),
    ],
)
def test_an_answer_is_what_comes_before_the_caller_speaks_again(
    timeline: CallTimeline, answers: list[tuple[AnswerOutcome, float | None]]
) -> None:
    """And what did not begin while the caller had not finished."""
    found = [(exchange.answer, exchange.latency_s) for exchange in follow_exchanges(timeline)]
    assert found == [(answer, None if latency is None else pytest.approx(latency)) for answer, latency in answers]


def test_cut_ins_begin_after_a_reaction_time_and_not_in_a_pause() -> None:
    """What begins with the caller, or with its last sound, interrupts nobody; a breath of 0.2 s is no pause."""
    one = call(
        said(TURN, 1, 3, 3.8, 4.9, 5.1, 6),
        spoken(1.15, 1.35),
        spoken(2, 2.5),
        spoken(3.3, 3.5),
        spoken(5, 5.05),
        spoken(5.9, 8),
    )
    (exchange,) = follow_exchanges(one)
    assert exchange.cut_ins_s == (2, 5)
    assert exchange.answer_start_s == 5.9
    assert exchange.talked_over_s == pytest.approx(0.2 + 0.5 + 0.1)  # the pause is nobody's speech


@pytest.mark.parametrize(
    ("timeline", "outcome", "spoke_on_s"),
    [
        (call(spoken(0, 4.6, cut=True), said(INTERRUPTION, 4, 6)), YieldOutcome.YIELDED, 0.6),
        (call(spoken(0, 6.0, cut=True), said(INTERRUPTION, 4, 7)), YieldOutcome.YIELDED, 2.0),
        (call(spoken(0, 6.1, cut=True), said(INTERRUPTION, 4, 7)), YieldOutcome.NOT_YIELDED, 2.1),
        (call(spoken(0, 4.6), said(INTERRUPTION, 4, 6)), YieldOutcome.NATURAL_END, 0.6),
        (call(spoken(0, 9.0), said(INTERRUPTION, 4, 6)), YieldOutcome.NOT_YIELDED, 5.0),
        (call(spoken(0, 5.0), said(INTERRUPTION, 4, 5), lasts=5.0), YieldOutcome.CALL_ENDED, 1.0),
        (
            call(spoken(0, 4.5, 5.0, 9), said(INTERRUPTION, 4, 6)),
            YieldOutcome.NOT_YIELDED,
            5.0,
        ),  # a gap between sentences
        (
            call(spoken(0, 4.5, 6.0, 9), said(INTERRUPTION, 4, 5)),
            YieldOutcome.YIELDED,
            0.5,
        ),  # silent for longer: it stopped
        (call(spoken(0, 4.6, cut=True), said(TURN, 4, 6)), YieldOutcome.YIELDED, 0.6),  # whatever it was meant to be
    ],
)
def test_an_interruption_is_yielded_to_within_two_seconds(
    timeline: CallTimeline, outcome: YieldOutcome, spoke_on_s: float
) -> None:
    """An agent that had no more to say has not yielded, nor has it refused to."""
    (barge_in,) = find_barge_ins(timeline)
    assert (barge_in.outcome, barge_in.spoke_on_s) == (outcome, pytest.approx(spoke_on_s))


def test_who_begins_at_once_has_not_interrupted() -> None:
    """The agent had spoken for 0.2 s or less, or had just ended."""
    assert find_barge_ins(call(spoken(3.85, 6, cut=True), said(TURN, 4, 6))) == ()
    assert len(find_barge_ins(call(spoken(3.75, 6, cut=True), said(TURN, 4, 6)))) == 1
    assert find_barge_ins(call(spoken(1, 4, cut=True), said(INTERRUPTION, 4, 6))) == ()


@pytest.mark.parametrize(
    ("timeline", "reaction", "reacted_s"),
    [
        # While the agent speaks.
        (call(spoken(0, 9), said(BACKCHANNEL, 4, 4.4)), DistractionOutcome.IGNORED, None),
        (call(spoken(0, 5.4, cut=True), said(BACKCHANNEL, 4, 4.4)), DistractionOutcome.STOPPED, 5.4),
        (call(spoken(0, 5.5, cut=True), said(BACKCHANNEL, 4, 4.4)), DistractionOutcome.IGNORED, None),
        (call(spoken(0, 6.5, cut=True), said(SIDE, 4, 6)), DistractionOutcome.STOPPED, 6.5),  # a second after its end
        (call(spoken(0, 4.5), said(BACKCHANNEL, 4, 4.4)), DistractionOutcome.NATURAL_END, None),
        (
            call(spoken(0, 5, cut=True), said(TIC, 4, 4.2), said(INTERRUPTION, 4.5, 6)),
            DistractionOutcome.CALLER_SPOKE,
            None,
        ),
        (call(spoken(0, 4.5), said(TIC, 4, 4.2), lasts=4.5), DistractionOutcome.CALL_ENDED, None),
        # While it is silent.
        (call(said(TURN, 1, 2), spoken(3, 5), said(TIC, 7, 7.2)), DistractionOutcome.IGNORED, None),
        (call(said(TURN, 1, 2), spoken(3, 5), said(TIC, 7, 7.2), spoken(9.2, 11)), DistractionOutcome.SPOKE_UP, 9.2),
        (call(said(TURN, 1, 2), spoken(3, 5), said(TIC, 7, 7.2), spoken(9.3, 11)), DistractionOutcome.IGNORED, None),
        (call(said(TIC, 1, 1.2), spoken(2, 3)), DistractionOutcome.SPOKE_UP, 2),
        (call(said(TURN, 1, 2), said(TIC, 2.5, 2.7), spoken(3, 5)), DistractionOutcome.ANSWER_DUE, None),
        (call(said(TURN, 1, 5, 6, 8), said(SIDE, 5.1, 5.9), spoken(9, 10)), DistractionOutcome.ANSWER_DUE, None),
        (call(said(TIC, 1, 1.2), said(TURN, 2, 3), spoken(3.1, 4)), DistractionOutcome.CALLER_SPOKE, None),
        (call(said(TIC, 1, 1.2), lasts=3.0), DistractionOutcome.CALL_ENDED, None),
        # It fetches something: what it says then is the tool's result.
        (
            call(said(TURN, 1, 2), spoken(2.5, 4), ToolCallGroup(4, 7), said(TIC, 5, 5.2), spoken(7.1, 9)),
            DistractionOutcome.ANSWER_DUE,
            None,
        ),
        (
            call(said(TURN, 1, 2), ToolCallGroup(2.5, 3), spoken(4, 5), said(TIC, 6, 6.2), spoken(7, 9)),
            DistractionOutcome.SPOKE_UP,
            7,
        ),
        (call(spoken(0, 2, 5, 6), said(TIC, 3, 3.2)), DistractionOutcome.ANSWER_DUE, None),  # between two sentences
    ],
)
def test_a_distraction_is_ignored_or_not(
    timeline: CallTimeline, reaction: DistractionOutcome, reacted_s: float | None
) -> None:
    """What cannot be told says nothing of the agent."""
    (distraction,) = find_distractions(timeline)
    assert (distraction.reaction, distraction.reacted_s) == (reaction, reacted_s)


def test_a_tic_inside_a_turn_is_no_distraction() -> None:
    """The turn has its answer, and that is right."""
    turn = CallerSpeech(TURN, (Segment(1, 3),), (Segment(1.5, 1.7),))
    assert find_distractions(call(turn, spoken(3.4, 5))) == ()


@pytest.mark.parametrize(
    ("events", "lasts", "resumption", "resumed_s"),
    [
        ([spoken(9.8, 12)], 30, ResumeOutcome.RESUMED, 9.8),
        ([spoken(9.9, 12)], 30, ResumeOutcome.SILENT, None),
        ([said(TURN, 6, 7), spoken(8, 9)], 30, ResumeOutcome.CALLER_SPOKE, None),
        ([spoken(5.5, 8), said(TURN, 9, 10)], 30, ResumeOutcome.RESUMED, 5.5),
        ([], 9.7, ResumeOutcome.CALL_ENDED, None),
        ([], 9.8, ResumeOutcome.SILENT, None),
    ],
)
def test_after_a_false_stop_the_agent_goes_on_or_not(
    events: list[CallerSpeech | AgentSpeech], lasts: float, resumption: ResumeOutcome, resumed_s: float | None
) -> None:
    """It stopped at 4.8 s for a backchannel: five seconds to go on, unless the caller speaks to it."""
    one = call(spoken(0, 4.8, cut=True), said(BACKCHANNEL, 4, 4.4), *events, lasts=lasts)
    (stop,) = find_false_stops(one)
    assert (stop.stopped_s, stop.resumption, stop.resumed_s) == (4.8, resumption, resumed_s)


def test_an_agent_that_goes_on_with_the_same_answer_has_resumed() -> None:
    """Stopped for 1.5 s inside one response."""
    (stop,) = find_false_stops(call(spoken(0, 4.8, 6.3, 9), said(TIC, 4.5, 4.7)))
    assert (stop.resumption, stop.resumed_s) == (ResumeOutcome.RESUMED, 6.3)


def test_pauses_are_taken_or_waited_for() -> None:
    """Of four pauses one is too short, one is taken, one begins while the agent speaks, one is waited for."""
    turn = said(TURN, 1, 2, 2.25, 3, 3.5, 4.4, 5.0, 6, 6.5, 7)
    pauses = find_pauses(call(turn, spoken(3.25, 4.5), spoken(8, 9)))
    found = [(pause.extent, pause.taken_s, pause.was_speaking) for pause in pauses]
    assert found == [
        (Segment(3, 3.5), 3.25, False),
        (Segment(4.4, 5.0), None, True),
        (Segment(6, 6.5), None, False),
    ]


def test_tools_are_called_after_a_word_or_in_silence() -> None:
    """What begins to sound before the tools' answer was said without knowing it, be it after the call arrived."""
    one = call(
        said(TURN, 1, 2),
        ToolCallGroup(3, 4),
        spoken(5, 6),
        said(TURN, 7, 8),
        spoken(8.5, 9),
        ToolCallGroup(8.8, 10),
        said(TURN, 12, 13),
        ToolCallGroup(14, 15),
        spoken(14.5, 16),
    )
    assert [use.spoke_first for use in find_tool_announcements(one)] == [False, True, True]


def test_a_tool_called_before_the_caller_spoke_looks_at_all_before() -> None:
    """An agent that greets, then looks up who calls."""
    assert [use.spoke_first for use in find_tool_announcements(call(spoken(0, 1), ToolCallGroup(2, 3)))] == [True]
