"""A line to an assistant whose server takes the turns, and one exchange on it: something is said, and it is heard out.

Whoever speaks here begins when the assistant has finished, and hears it out; what else is done meanwhile, others say
(:mod:`evalkit.modes.voice.turn_acts`). What the assistant does in its own time is its own affair: it may answer a
pause, answer twice, or say something unasked. What counts as its turn is all that began since the words of the turn
began, as far as it was heard.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from evalkit.audio.g711 import Pcm
from evalkit.errors import CaseFailure
from evalkit.modes.voice.heard_turns import heard_turn, pacing_of
from evalkit.modes.voice.misplayed_speech import find_misplayed_speech
from evalkit.modes.voice.tool_rounds import AnswerTools, too_many_rounds, within_turn
from evalkit.modes.voice.turn_acts import DoneAct, PreparedAct, TurnActs
from evalkit.modes.voice.turn_evidence import DuplexEvidence, HeldSilence, TurnEvidence
from evalkit.realtime.input_receipts import INPUT_NOT_TAKEN
from evalkit.realtime.live_call import LiveCall
from evalkit.realtime.media_stream.session import MediaStreamCall
from evalkit.realtime.timeline import Timeline
from evalkit.realtime.uplink import PlacedClip
from evalkit.records.faults import Failure, Stage
from evalkit.records.record import CallerWords, ToolCall
from evalkit.settings.types import LimitSettings
from evalkit.simulator.behaviour import PlannedAct
from evalkit.tool_host.hosted_call import HostedAnswer, HostedCall

# A line is open for a moment before anybody speaks. The first words have a fixed place a little later, so that a server
# whose decisions depend on the audio alone decides alike each time.
_LEAD_MS = 300.0
_FIRST_WORDS_MS = 400.0


class DuplexLine:
    """The line of one call.

    Args:
        session: The assistant's.
        timeline: The clock of the case.
        limits: How long to wait, and how often.
        chunk_ms: How much sound goes out at a time.
        recognise: Hears the words of an assistant that tells none: a sound and its rate in Hz -> the words; None: all
            words are told.

    Attributes:
        left: What the call leaves, filled as it goes on.

    """

    def __init__(
        self,
        session: LiveCall,
        timeline: Timeline,
        limits: LimitSettings,
        chunk_ms: float,
        recognise: Callable[[Pcm, int], Awaitable[str]] | None = None,
    ) -> None:
        self._session, self._timeline, self._limits, self._chunk_ms = session, timeline, limits, chunk_ms
        self._recognise = recognise
        self._hosted: HostedCall | None = None
        self.left = DuplexEvidence(session)

    async def open(self) -> None:
        """Let the configured session hear the caller, and wait until somebody may speak."""
        self._session.begin()
        await self._timeline.sleep_until((self._session.began_at_ms + _LEAD_MS) / 1000)

    async def wait_for_silence(self) -> None:
        """Let the assistant finish what it says unasked. Raises CaseFailure where it never does."""
        limit_s = self._limits.response_timeout_s
        if not await self._session.silence(timeout_s=limit_s):
            message = f"the assistant spoke on, unasked, for {limit_s:g} s"
            if self._session.owes_greeting:
                self.left.ended_waiting = True
                message = (
                    f"the application was to speak first and said nothing for {limit_s:g} s; if it waits for the "
                    "caller, set target.speaks_first=caller"
                )
            misplayed = self._find_misplayed(1)
            if misplayed is not None:
                raise CaseFailure(Stage(misplayed.stage), misplayed.error_type, misplayed.message)
            raise CaseFailure(Stage.RESPONSE_TIMEOUT, "timeout", message)

    async def stay_silent(self, turn_index: int, plan: PlannedAct) -> None:
        """Let time pass since the last sound, before the words of a turn; what the assistant then says is heard out.

        Raises CaseFailure where it speaks on for ever.
        """
        session = self._session
        start_ms = session.quiet_since_ms() or 0.0
        await self._timeline.sleep_until((session.began_at_ms + start_ms + plan.duration_ms) / 1000)
        self.left.silences.append(HeldSilence(turn_index, plan, start_ms, session.now_ms))
        await self.wait_for_silence()

    async def cut_into_greeting(self, turn: TurnEvidence, plan: PlannedAct) -> PlacedClip | None:
        """Have the assistant speak first, and say the words of `turn` into that; return where they lie.

        None: it greeted with less than would have to be left of it, or not in time; nothing has been said.
        """
        session, done = self._session, list[DoneAct]()
        session.begin_turn(turn.index)
        acts = TurnActs(session, turn.index, [PreparedAct(plan, turn.clean_wire, turn.wire)], done.append)
        self.left.acts.append(acts)
        await session.ask_to_speak()

        def is_settled() -> bool:
            acts.look()
            return bool(done) or session.is_silent

        await session.watch(is_settled, timeout_s=self._limits.response_timeout_s)
        if not done:
            return None
        self.left.cut_greeting = done[0]
        return done[0].clip

    async def exchange(
        self,
        turn: TurnEvidence,
        answer_tools: AnswerTools | None,
        acts: TurnActs | None = None,
        said: PlacedClip | None = None,
    ) -> Failure | None:
        """Say the words of `turn` and hear the assistant out; return what its last response failed with, if it did.

        Args:
            turn: What is said.
            answer_tools: None: calls are not answered, and what the assistant does without an answer is heard out.
            acts: What else is done meanwhile; None: nothing.
            said: Where the words lie that are being said already; None: they are said now.

        Raises:
            CaseFailure: Nothing was answered in time, or tools are called for ever; and what ends a session.

        """
        self._session.begin_turn(turn.index)
        clip = said or self._session.say(turn.wire, not_before_ms=_FIRST_WORDS_MS)
        self.left.clips[turn.index] = clip
        acts = acts or TurnActs(self._session, turn.index, (), self.left.done.append)
        self.left.acts.append(acts)
        try:
            failure = await within_turn(self._hear_out(clip, turn, answer_tools, acts), self._limits)
        except CaseFailure as late:
            with suppress(CaseFailure):  # the first trouble explains more
                await self.hear_words()
            # Noise has no pause in which it could be taken for finished.
            misplayed = self._find_misplayed(turn.index) if late.stage == Stage.RESPONSE_TIMEOUT else None
            if misplayed is None:
                raise
            return misplayed
        await self.hear_words()
        return failure or self._find_misplayed(turn.index)

    async def hear_words(self) -> None:
        """Have put into words what the assistant said since, where it tells no words itself. Raises CaseFailure."""
        if self._recognise is not None:
            await self._session.hear_words(self._recognise)

    def _find_misplayed(self, turn_index: int) -> Failure | None:
        """Return what is wrong with the sound that a telephone line played in a turn; None: nothing, or no line."""
        is_line = isinstance(self._session, MediaStreamCall)
        return find_misplayed_speech(self._session, turn_index) if is_line else None

    def keep(self, turns: Sequence[TurnEvidence]) -> None:
        """Leave in `turns` what has been heard by now: in earlier ones too, for they may have gone on."""
        for turn in turns:
            turn.result = heard_turn(self._session, turn.index)
            turn.said = self._said_between(turn.index)
            turn.heard = self._heard_in(turn.index)
            clip = self.left.clips.get(turn.index)
            if clip is not None:
                self._order_words(turn, self._session.began_at_ms + clip.start_ms)
            turn.pacing = None if clip is None else pacing_of(self._session, clip, self._chunk_ms)
        self.place_tools(turns)

    def serve_tools(self, hosted: HostedCall) -> None:
        """Take it that the assistant calls the tools of `hosted` by itself: what it says waits for those at work."""
        self._hosted = hosted
        if isinstance(self._session, MediaStreamCall):
            self._session.watch_tools(lambda: hosted.is_at_work)

    def take_tool(self, told: HostedAnswer) -> None:
        """Keep a tool that the assistant has called by itself."""
        answered_at_ms = told.called_at_ms if told.answered_at_ms is None else told.answered_at_ms
        self.left.hosted.append(told)
        self.left.tool_times_ms.append((told.called_at_ms, answered_at_ms))
        if isinstance(self._session, MediaStreamCall):
            self._session.note_tool_answer(answered_at_ms)

    def place_tools(self, turns: Sequence[TurnEvidence]) -> None:
        """Leave each tool that the assistant called by itself in the turn whose words had begun when it was called."""
        begun = [turn for turn in turns if turn.index in self.left.clips] or list(turns[:1])
        for turn in turns:
            turn.hosted = [told for told in self.left.hosted if self._turn_at(told.called_at_ms, begun) is turn]

    def _turn_at(self, at_ms: float, begun: Sequence[TurnEvidence]) -> TurnEvidence | None:
        """Return the last turn that had begun, else the first."""
        clips, offset_ms = self.left.clips, self._session.began_at_ms
        before = [turn for turn in begun[1:] if offset_ms + clips[turn.index].start_ms <= at_ms]
        return before[-1] if before else next(iter(begun), None)

    def close(self, turns: Sequence[TurnEvidence]) -> None:
        """Leave what only the end of a call shows, when its session has ended."""
        self.left.until_ms = self._session.now_ms
        self.keep(turns)

    def _order_words(self, turn: TurnEvidence, began_at_ms: float) -> None:
        """Put the words of a turn behind what the assistant had said in it before them."""
        before = [response for response in turn.result.responses if response.created_at_ms < began_at_ms]
        turn.came_second = any(response.transcript or response.text for response in before)
        if turn.came_second:
            act = "turn" if self.left.cut_greeting is None else "interruption"
            turn.said = [(began_at_ms, CallerWords(turn.user_text, act)), *turn.said]

    def _said_between(self, turn_index: int) -> list[tuple[float, CallerWords]]:
        """Return what the caller said in a turn after its words, each with when he did."""
        return [
            (self._session.began_at_ms + done.clip.start_ms, CallerWords(done.plan.words, done.plan.said_as))
            for done in self.left.done
            if done.turn_index == turn_index
        ]

    def _heard_in(self, turn_index: int) -> str | None:
        """Return what the assistant's recogniser took for the caller's words between this turn's and the next one's."""
        clips, offset_ms = self.left.clips, self._session.began_at_ms
        if turn_index not in clips:
            return None
        later_ms = (offset_ms + clip.start_ms for index, clip in clips.items() if index > turn_index)
        return self._session.heard_between(offset_ms + clips[turn_index].start_ms, min(later_ms, default=math.inf))

    async def _hear_out(
        self, clip: PlacedClip, turn: TurnEvidence, answer_tools: AnswerTools | None, acts: TurnActs
    ) -> Failure | None:
        rounds = 0
        while calls := await self._listen(clip, acts):
            called_at_ms = answered_at_ms = self._timeline.now_ms()
            acts.tools_called()
            if answer_tools is not None:
                answers = await answer_tools(calls)
                turn.outputs += answers
                await self._session.answer_tools(answers)
                answered_at_ms = self._timeline.now_ms()
                rounds += 1
            self.left.tool_times_ms.append((called_at_ms, answered_at_ms))
            if rounds > self._limits.max_tool_rounds:
                raise too_many_rounds(self._limits)
        last = self._session.responses[-1]
        return None if last.was_interrupted else last.result.failure

    async def _listen(self, clip: PlacedClip, acts: TurnActs) -> tuple[ToolCall, ...]:
        hosted = self._hosted
        called_before = 0 if hosted is None else hosted.calls_made

        def look() -> bool:
            if hosted is not None and hosted.calls_made > called_before:
                acts.tools_called()
            return acts.look()

        try:
            return await self._session.listen(clip, timeout_s=self._limits.response_timeout_s, meanwhile=look)
        except CaseFailure as failure:
            heard_nobody = failure.error_type == INPUT_NOT_TAKEN
            self.left.ended_waiting = heard_nobody or failure.stage == Stage.RESPONSE_TIMEOUT
            raise
