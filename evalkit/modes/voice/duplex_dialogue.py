"""A call in full duplex: the assistant hears all the time, and its server decides whose turn it is.

A turn of the caller begins when the assistant has finished, and he hears it out
(:mod:`evalkit.modes.voice.duplex_line`). What he does beside that, as his behaviour has it, is planned and made into
sound before his turn begins, and done when its moment comes (:mod:`evalkit.modes.voice.turn_acts`).
"""

from __future__ import annotations

from contextlib import nullcontext, suppress
from functools import cached_property

from evalkit.errors import CaseFailure
from evalkit.modes.voice.dialogue import Dialogue, derive_turn_seed
from evalkit.modes.voice.duplex_line import DuplexLine
from evalkit.modes.voice.heard_turns import heard_exchanges
from evalkit.modes.voice.recogniser import words_only
from evalkit.modes.voice.turn_acts import PreparedAct, TurnActs
from evalkit.modes.voice.turn_measures import find_misbehaviour
from evalkit.realtime.live_call import CallStream, LiveCall
from evalkit.realtime.media_stream.session import MediaStreamCall
from evalkit.records.faults import Failure
from evalkit.simulator.act_sounds import amplify, make_sound
from evalkit.simulator.behaviour import MADE_SOUNDS, ActTrigger, BehaviourAct, PlannedAct
from evalkit.simulator.caller import CALLER_FORMAT, CallerTurn
from evalkit.tool_host.hosted_call import HostedAnswer, HostedCall


class DuplexDialogue(Dialogue):
    """One call; see :class:`Dialogue`."""

    @cached_property
    def _assistant(self) -> LiveCall:
        plan = self._plan
        stream = CallStream(plan.chunk_ms, self._name_wav(None, "uplink"), self._name_wav(None, "downlink"))
        if plan.media_stream is not None:
            handed = {} if self._hosted is None else self._hosted.parameters
            return MediaStreamCall(
                plan.media_stream, handed, self._call_id, trace=self._trace, timeline=self._timeline, stream=stream
            )
        return plan.sessions.duplex(
            plan.url,
            {**plan.headers, **self._introduction.headers(plan.url, "assistant")},
            source="assistant",
            trace=self._trace,
            timeline=self._timeline,
            stream=stream,
            on_rate_limits=plan.on_rate_limits,
        )

    @cached_property
    def _call_id(self) -> str:
        return "" if self._plan.media_stream is None else self._plan.media_stream.new_call_id()

    @cached_property
    def _hosted(self) -> HostedCall | None:
        host = self._plan.tool_host
        if host is None:
            return None
        return host.open_call(self._call_id, self._tools, self._timeline.now_ms, self._keep_hosted)

    @cached_property
    def _line(self) -> DuplexLine:
        recognise = words_only(self._plan.recognise, self._evidence.add_cost)
        line = DuplexLine(self._assistant, self._timeline, self._limits, self._plan.chunk_ms, recognise)
        if self._hosted is not None:
            line.serve_tools(self._hosted)
        return line

    async def hold(self, first: CallerTurn) -> None:
        """Hold the call; what was said last is heard too, where the assistant tells no words."""
        try:
            await self._hold_with_tools(first)
        except CaseFailure:
            with suppress(CaseFailure):  # the first trouble explains more
                await self._hear_the_rest()
            raise
        await self._hear_the_rest()

    async def _hold_with_tools(self, first: CallerTurn) -> None:
        try:
            with self._hosted or nullcontext():
                await super().hold(first)
        finally:
            if self._hosted is not None:
                self._evidence.unknown_tool_calls = self._hosted.unknown_calls
                self._line.place_tools(self._evidence.turns)

    def _keep_hosted(self, answer: HostedAnswer) -> None:
        self._keep_answer(answer)
        self._line.take_tool(answer)

    async def _hear_the_rest(self) -> None:
        if self._evidence.duplex is not None:
            await self._line.hear_words()
            self._line.keep(self._evidence.turns)

    def _has_been_left(self) -> bool:
        return self._assistant.has_hung_up

    async def _begin(self) -> None:
        await super()._begin()
        self._evidence.duplex = self._line.left
        await self._line.open()

    def _conclude(self) -> None:
        super()._conclude()
        if self._evidence.duplex is not None:
            self._line.close(self._evidence.turns)

    async def _take_turn(self, index: int, said: CallerTurn) -> Failure | None:
        turn = await self._carry(index, said)
        acts = await self._prepare_acts(index)
        greeting = next((plan for plan in self._planned_sounds(index) if plan.after is ActTrigger.GREETING), None)
        clip = None if greeting is None else await self._line.cut_into_greeting(turn, greeting)
        if clip is None:
            await self._line.wait_for_silence()
            for plan in self._planned(index, BehaviourAct.SILENCE):
                await self._line.stay_silent(index, plan)
        self._evidence.turns.append(turn)
        failure = await self._line.exchange(turn, self._answer_tools, acts, clip)
        self._line.keep(self._evidence.turns)
        self.past += heard_exchanges(turn.first_words, turn.steps)
        return failure or find_misbehaviour(turn.result, must_speak=True)

    async def _prepare_acts(self, index: int) -> TurnActs:
        """Return what the caller will do in a turn beside what he says in it, with its sound."""
        prepared, number = [], 0
        for plan in self._planned_sounds(index):
            if plan.after is ActTrigger.GREETING:
                continue
            follow_up = None
            if plan.follow_up is not None:
                number += 1
                follow_up = await self._prepare(index, number, plan.follow_up, None)
            number += 1
            prepared.append(await self._prepare(index, number, plan, follow_up))
        return TurnActs(self._assistant, index, prepared, self._line.left.done.append)

    def _planned_sounds(self, index: int) -> list[PlannedAct]:
        return self._planned(index, *(act for act in BehaviourAct if act.is_heard))

    async def _prepare(self, index: int, number: int, plan: PlannedAct, follow_up: PreparedAct | None) -> PreparedAct:
        if plan.act is BehaviourAct.KEYPRESS:
            return PreparedAct(plan, b"", b"")
        seed = derive_turn_seed(self._introduction.seed, index, number)
        if plan.words in MADE_SOUNDS:
            pcm = make_sound(plan.words, seed, CALLER_FORMAT.sample_rate_hz)
        else:
            speaks_as = self._plan.speak_as
            speak = self._plan.speak if plan.voice is None or speaks_as is None else speaks_as(plan.voice)
            spoken = await speak(plan.words)
            self._evidence.add_cost(spoken.cost_usd)
            pcm = spoken.pcm
        sound = await self._send_through_line(amplify(pcm, plan.level_db), seed)
        return PreparedAct(plan, sound.clean_wire, sound.wire, follow_up)
