"""What crawl and walk share as modes, spoken or written: cases of one turn, one prompt and the same tools for all."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from evalkit.datasets.files import dataset_manifest, manifest_entry, read_text
from evalkit.datasets.recordings import Recordings
from evalkit.datasets.tools import load_tools
from evalkit.errors import DataError, collecting
from evalkit.mocks.definitions import Mock
from evalkit.mocks.overlay import overlay
from evalkit.modes.mode import Mode, ModeData
from evalkit.modes.voice.settings import RealtimeSettings, VoiceSettings
from evalkit.modes.voice.voice_mode import load_mocks, overlay_spec
from evalkit.records.case import Case, CaseTrial
from evalkit.records.json import JsonObject

if TYPE_CHECKING:
    from evalkit.audio.conformance import Conformance
    from evalkit.clock import Clock
    from evalkit.mocks.session import MockSession
    from evalkit.modes.voice.tool_rounds import AnswerTools
    from evalkit.records.record import ToolCall, ToolOutput

Settings = TypeVar("Settings", bound=RealtimeSettings)


@dataclass(frozen=True)
class SingleTurnData(ModeData):
    """Cases of one turn, and what all of them share. `recordings` stand beside the cases of a walk, in their order."""

    recordings: tuple[Conformance, ...] = ()
    mocks: tuple[Mock, ...] = ()
    tools: tuple[JsonObject, ...] = ()
    system_prompt: str = ""


class SingleTurnMode(Mode[Settings, SingleTurnData]):
    """One utterance, one answer. It stands before what says how both go over the wire."""

    @abstractmethod
    def load_cases(self, settings: Settings, tools: Sequence[JsonObject] | None, recordings: Recordings) -> list[Case]:
        """Return all cases of the data, their sound read through `recordings`. Raises DataError."""

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

    def read(self, settings: Settings) -> SingleTurnData:
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
        return SingleTurnData(
            cases=chosen,
            datasets=(*dataset_manifest([settings.mode.data_csv, prompt_file, tools_file, *further]), *sounds.values()),
            oddities=tuple(_find_oddities(settings, mocks, prompt)),
            recordings=self.examine(settings, chosen, recordings),
            mocks=mocks,
            tools=tuple(tools),
            system_prompt=prompt,
        )

    def describe(self, settings: Settings, data: SingleTurnData) -> str:
        """Return the line of a job, with the tools that its cases expect."""
        expected = Counter(call.name for case in data.cases for call in case.expected_calls)
        calls = ", ".join(f"{name} {count}" for name, count in sorted(expected.items()))
        silent = sum(case.expects_no_call for case in data.cases)
        return f"{super().describe(settings, data)}; expected calls: {calls or 'none'}; no call: {silent}"


def _find_oddities(settings: RealtimeSettings, mocks: Sequence[Mock], prompt: str) -> Iterator[str]:
    serves = isinstance(settings, VoiceSettings) and settings.tool_host.enabled
    if (settings.mode.answer_tools or serves) and not mocks:
        asked = "tool_host.enabled=true" if serves else "mode.answer_tools=true"
        yield (
            f"{asked} without mocks: every tool call is answered with 'Unsupported tool'; "
            "name some with tool_mocks.mocks_file=FILE"
        )
    if not prompt.strip():
        yield f"assistant.system_prompt_file: {settings.assistant.system_prompt_file} is empty"


def mock_sessions(settings: RealtimeSettings, data: SingleTurnData) -> Callable[[], MockSession]:
    """Return a maker of the mocks of one conversation."""
    from evalkit.mocks.session import MockSession

    mocks = overlay(data.mocks, overlay_spec(settings.tool_mocks))
    return lambda: MockSession(mocks, data.tools)


def mocked_tools(settings: RealtimeSettings, data: SingleTurnData, clock: Clock) -> Callable[[CaseTrial], AnswerTools]:
    """Return a maker of tools: every conversation has mocks of its own, which remember what it asked."""
    new_session = mock_sessions(settings, data)

    def new_tools(_: CaseTrial) -> AnswerTools:
        session = new_session()

        async def answer(calls: Sequence[ToolCall]) -> list[ToolOutput]:
            answers = [session.answer(call) for call in calls]
            await clock.sleep_until(clock.now() + max((found.delay_ms for found in answers), default=0.0) / 1000)
            return [found.output for found in answers]

        return answer

    return new_tools
