"""What crawl and run share where the caller's words go as text (``input=text``): nothing of sound is made or needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from evalkit.modes.mode import COMMON_IDLE_KEYS, Mode, ModeData
from evalkit.modes.voice.realtime_roles import find_realtime_problems
from evalkit.modes.voice.settings import RealtimeSettings

_OF_SOUND = ("voice", "transcription_model", "behaviour")

Settings = TypeVar("Settings", bound=RealtimeSettings)
Data = TypeVar("Data", bound=ModeData)


class WrittenMode(Mode[Settings, Data]):
    """A mode whose assistant is a realtime model that reads and writes."""

    models: ClassVar[tuple[str, ...]] = ("assistant", "judge")
    idle_keys = COMMON_IDLE_KEYS
    unused_services: ClassVar[frozenset[str]] = frozenset({"transcribe"})

    def find_contradictions(self, config: Mapping[str, Any]) -> list[str]:
        """Return a message for every role that its provider cannot have."""
        return list(find_realtime_problems(config))

    def settle(self, resolved: dict[str, Any]) -> None:
        """Take out what options of assistants and callers may say of how they sound: nobody speaks."""
        for role in ("assistant", "simulator"):
            for key in _OF_SOUND:
                resolved.get(role, {}).pop(key, None)

    def describe(self, settings: Settings, data: Data) -> str:
        """Return the line of a job: cases, the model under test and its provider, and that it is held in writing."""
        provider = settings.assistant.provider
        return (
            f"{self.name}, {len(data.cases)} cases x {settings.trials} trials, assistant {settings.assistant.model} "
            f"at {provider.name} ({provider.base_url or 'embedded'}), in writing"
        )
