"""Crawl and walk are one kind of mode: one utterance, one answer. They differ in where the utterance comes from."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from evalkit.audio.formats import AudioFormat
from evalkit.metrics.forecast import ZERO, CaseWork, Models, Range, Rates
from evalkit.modes.mode import Work
from evalkit.modes.voice.fingerprint import settings_of_turn
from evalkit.modes.voice.heard_words import recogniser_of
from evalkit.modes.voice.settings import VoiceSettings
from evalkit.modes.voice.single_turn import SingleTurnData, SingleTurnMode, mock_sessions, mocked_tools
from evalkit.modes.voice.target import assistant_address, media_stream_target, named_in_session, sessions_of
from evalkit.modes.voice.turn_detection import detection_spec
from evalkit.modes.voice.utterance import PreparedUtterance
from evalkit.modes.voice.voice_mode import WITH_TOOL_ROUND, VoiceMode, bytes_shown, serving_tools
from evalkit.records.case import Case, CaseTrial
from evalkit.records.json import JsonObject

if TYPE_CHECKING:
    from evalkit.clock import Clock
    from evalkit.peers.peers import Peers
    from evalkit.records.record import CaseRecord
    from evalkit.store.run_directory import RunDirectory

Speak = Callable[[CaseTrial], Awaitable[PreparedUtterance]]
Settings = TypeVar("Settings", bound=VoiceSettings)


class SpokenMode(SingleTurnMode[Settings], VoiceMode[Settings, SingleTurnData]):
    """One utterance, one answer."""

    @abstractmethod
    def speaker(self, settings: Settings, peers: Peers) -> Speak:
        """Return what makes the utterances: the speech role, or the player of recordings."""

    def fingerprint(self, settings: Settings, data: SingleTurnData, case: Case) -> JsonObject:  # noqa: ARG002
        """Return the settings that decide a record; they are the same for all cases."""
        return settings_of_turn(settings, data.system_prompt, data.tools, data.datasets)

    def forecast(self, settings: Settings, data: SingleTurnData, rates: Rates) -> Iterator[tuple[CaseWork, Models]]:
        """Yield a turn for each case; recordings are as long as they are, texts as long as they will be."""
        speech = getattr(settings, "speech", None)
        models = Models(
            assistant=str(settings.assistant.model),
            speech=speech.model if speech else None,
            judge=settings.judge.model,
            transcription=settings.provider.models.transcription,
        )
        shown = bytes_shown(data.system_prompt, data.tools)
        for place, case in enumerate(data.cases):
            text = str(case.inputs["user_text"])
            spoken = rates.spoken_ms(len(text.split()), speech.speed if speech else 1.0)
            levels = data.recordings[place].levels if data.recordings else None
            work = CaseWork(
                shown_bytes=shown,
                caller_ms=spoken if levels is None else Range.exactly(levels.duration_ms),
                responses_per_turn=WITH_TOOL_ROUND if settings.mode.answer_tools else Range.exactly(1.0),
                calls_tools=bool(data.tools),
                spoken_characters=Range.exactly(float(len(text))) if speech else ZERO,
                spoken_ms=spoken if speech else ZERO,
            )
            yield work, models

    @asynccontextmanager
    async def open(
        self, settings: Settings, data: SingleTurnData, peers: Peers, run: RunDirectory, clock: Clock
    ) -> AsyncIterator[Work]:
        """Yield the callable that holds one turn with the assistant."""
        # Whoever only reads and checks cases needs nothing of what holds them: half of what a command would load.
        from evalkit.audio.channels import ChannelSpec
        from evalkit.modes.voice.recogniser import make_recogniser
        from evalkit.modes.voice.spoken_turn import TurnSetup, run_spoken_turn
        from evalkit.realtime.events import SessionSpec

        if settings.real_time:
            peers.clients.warm()
        media_stream = media_stream_target(settings, os.environ)
        model = str(settings.assistant.model)
        url, headers = assistant_address(peers, settings, model, os.environ)
        setup = TurnSetup(
            settings=settings,
            session=SessionSpec(
                instructions=data.system_prompt,
                input_format=AudioFormat(settings.audio.input_format),
                output_format=AudioFormat(settings.audio.output_format),
                tools=data.tools,
                voice=settings.assistant.voice,
                transcription_model=recogniser_of(settings),
                turn_detection=detection_spec(settings.turn_detection),
                model=named_in_session(settings, model),
            ),
            sessions=sessions_of(settings),
            url=url,
            headers=headers,
            run=run,
            clock=clock,
            fingerprint=settings_of_turn(settings, data.system_prompt, data.tools, data.datasets),
            price=peers.prices.cost_usd,
            channel=ChannelSpec.from_config(settings.channel),
            new_tools=mocked_tools(settings, data, clock) if settings.mode.answer_tools else None,
            on_rate_limits=peers.on_rate_limits,
            media_stream=media_stream,
            recognise=None if media_stream is None else make_recogniser(peers),
            new_mocks=mock_sessions(settings, data),
        )
        speak = self.speaker(settings, peers)

        async with serving_tools(settings, clock) as tool_host:
            setup = replace(setup, tool_host=tool_host)

            async def work(trial: CaseTrial, attempt: int) -> CaseRecord:
                return await run_spoken_turn(setup, trial, attempt, speak)

            yield work
