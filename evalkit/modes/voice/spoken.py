"""Crawl and walk are one kind of mode: one utterance, one answer. They differ in where the utterance comes from."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from evalkit.audio.channels import ChannelSpec
from evalkit.audio.conformance import Conformance
from evalkit.audio.formats import AudioFormat
from evalkit.clock import Clock
from evalkit.datasets.files import dataset_manifest, manifest_entry, read_text
from evalkit.datasets.recordings import Recordings
from evalkit.datasets.tools import load_tools
from evalkit.errors import DataError, collecting
from evalkit.metrics.forecast import ZERO, CaseWork, Models, Range, Rates
from evalkit.mocks.definitions import Mock
from evalkit.mocks.overlay import overlay
from evalkit.mocks.session import MockSession
from evalkit.modes.mode import ModeData, Work
from evalkit.modes.voice.fingerprint import settings_of_turn
from evalkit.modes.voice.settings import VoiceSettings
from evalkit.modes.voice.spoken_turn import PreparedUtterance, TurnSetup, run_spoken_turn
from evalkit.modes.voice.tool_rounds import AnswerTools
from evalkit.modes.voice.turn_detection import detection_spec
from evalkit.modes.voice.voice_mode import WITH_TOOL_ROUND, VoiceMode, bytes_shown, load_mocks, overlay_spec
from evalkit.peers.peers import Peers
from evalkit.realtime.events import SessionSpec
from evalkit.records.case import Case, CaseTrial
from evalkit.records.json import JsonObject
from evalkit.records.record import CaseRecord, ToolCall, ToolOutput
from evalkit.store.run_directory import RunDirectory

Speak = Callable[[CaseTrial], Awaitable[PreparedUtterance]]
Settings = TypeVar("Settings", bound=VoiceSettings)


@dataclass(frozen=True)
class SpokenData(ModeData):
    """Cases of one turn, and what all of them share. `recordings` stand beside the cases of a walk, in their order."""

    recordings: tuple[Conformance, ...] = ()
    mocks: tuple[Mock, ...] = ()
    tools: tuple[JsonObject, ...] = ()
    system_prompt: str = ""


class SpokenMode(VoiceMode[Settings, SpokenData]):
    """One utterance, one answer."""

    @abstractmethod
    def load_cases(self, settings: Settings, tools: Sequence[JsonObject] | None, recordings: Recordings) -> list[Case]:
        """Return all cases of the data, their sound read through `recordings`. Raises DataError."""

    @abstractmethod
    def speaker(self, settings: Settings, peers: Peers) -> Speak:
        """Return what makes the utterances: the speech role, or the player of recordings."""

    def examine(
        self,
        settings: Settings,  # noqa: ARG002
        cases: Sequence[Case],  # noqa: ARG002
        recordings: Recordings,  # noqa: ARG002
    ) -> tuple[Conformance, ...]:
        """Return the measures of the recordings of `cases`; none where texts are spoken."""
        return ()

    def find_contradictions(self, config: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with formats and rates, and which file of the assistant is missing."""
        missing = [
            f"assistant.{key}: null, but mode={self.name} has no simulations that would name one; "
            f"choose an assistant, for example assistant=support"
            for key in ("system_prompt_file", "tools_file")
            if config["assistant"][key] is None
        ]
        return [*super().find_contradictions(config), *missing]

    def read(self, settings: Settings) -> SpokenData:
        """Return cases, prompt, tools and mocks. Raises DataError with everything that is wrong with any of them."""
        assistant = settings.assistant
        prompt_file, tools_file = Path(str(assistant.system_prompt_file)), Path(str(assistant.tools_file))
        problems: list[str] = []
        prompt = collecting(problems, lambda: read_text(prompt_file))
        tools = collecting(problems, lambda: load_tools(tools_file))
        recordings = Recordings()
        cases = collecting(problems, lambda: self.load_cases(settings, tools, recordings))
        mocks = collecting(problems, lambda: load_mocks(settings.tool_mocks.mocks_file))
        if problems or prompt is None or tools is None or cases is None or mocks is None:
            raise DataError(problems)
        chosen = tuple(cases[: settings.max_examples])
        heard = [recordings.get(Path(str(case.inputs["audio_path"]))) for case in cases if "audio_path" in case.inputs]
        sounds = {each.path: manifest_entry(each.path, each.sha256, each.size_bytes) for each in heard}
        further = [path for path in (settings.tool_mocks.mocks_file,) if path]
        return SpokenData(
            cases=chosen,
            datasets=(*dataset_manifest([settings.mode.data_csv, prompt_file, tools_file, *further]), *sounds.values()),
            oddities=tuple(_find_oddities(settings, mocks, prompt)),
            recordings=self.examine(settings, chosen, recordings),
            mocks=mocks,
            tools=tuple(tools),
            system_prompt=prompt,
        )

    def fingerprint(self, settings: Settings, data: SpokenData, case: Case) -> JsonObject:  # noqa: ARG002
        """Return the settings that decide a record; they are the same for all cases."""
        return settings_of_turn(settings, data.system_prompt, data.tools, data.datasets)

    def forecast(self, settings: Settings, data: SpokenData, rates: Rates) -> Iterator[tuple[CaseWork, Models]]:
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
        self, settings: Settings, data: SpokenData, peers: Peers, run: RunDirectory, clock: Clock
    ) -> AsyncIterator[Work]:
        """Yield the callable that holds one turn with the assistant."""
        if settings.real_time:
            peers.clients.warm()
        address = peers.realtime("assistant", str(settings.assistant.model))
        setup = TurnSetup(
            settings=settings,
            session=SessionSpec(
                instructions=data.system_prompt,
                input_format=AudioFormat(settings.audio.input_format),
                output_format=AudioFormat(settings.audio.output_format),
                tools=data.tools,
                voice=settings.assistant.voice,
                turn_detection=detection_spec(settings.turn_detection),
            ),
            url=address.url,
            headers=address.headers,
            run=run,
            clock=clock,
            fingerprint=settings_of_turn(settings, data.system_prompt, data.tools, data.datasets),
            price=peers.prices.cost_usd,
            channel=ChannelSpec.from_config(settings.channel),
            new_tools=_mocked_tools(settings, data, clock) if settings.mode.answer_tools else None,
            on_rate_limits=peers.on_rate_limits,
        )
        speak = self.speaker(settings, peers)

        async def work(trial: CaseTrial, attempt: int) -> CaseRecord:
            return await run_spoken_turn(setup, trial, attempt, speak)

        yield work

    def describe(self, settings: Settings, data: SpokenData) -> str:
        """Return the line of a job, with the tools that its cases expect."""
        expected = Counter(call.name for case in data.cases for call in case.expected_calls)
        calls = ", ".join(f"{name} {count}" for name, count in sorted(expected.items()))
        silent = sum(case.expects_no_call for case in data.cases)
        return f"{super().describe(settings, data)}; expected calls: {calls or 'none'}; no call: {silent}"


def _find_oddities(settings: VoiceSettings, mocks: Sequence[Mock], prompt: str) -> Iterator[str]:
    if settings.mode.answer_tools and not mocks:
        yield (
            "mode.answer_tools=true without mocks: every tool call is answered with 'Unsupported tool'; "
            "name some with tool_mocks.mocks_file=FILE"
        )
    if not prompt.strip():
        yield f"assistant.system_prompt_file: {settings.assistant.system_prompt_file} is empty"


def _mocked_tools(settings: VoiceSettings, data: SpokenData, clock: Clock) -> Callable[[CaseTrial], AnswerTools]:
    """Return a maker of tools: every conversation has mocks of its own, which remember what it asked."""
    mocks = overlay(data.mocks, overlay_spec(settings.tool_mocks))

    def new_tools(_: CaseTrial) -> AnswerTools:
        session = MockSession(mocks, data.tools)

        async def answer(calls: Sequence[ToolCall]) -> list[ToolOutput]:
            answers = [session.answer(call) for call in calls]
            await clock.sleep_until(clock.now() + max((found.delay_ms for found in answers), default=0.0) / 1000)
            return [found.output for found in answers]

        return answer

    return new_tools
