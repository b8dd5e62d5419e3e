"""What a mode need not say: a mode of texts, a few lines long, has sensible answers to everything it leaves out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from evalkit.clock import Clock
from evalkit.compose.planning import plan
from evalkit.errors import ConfigError
from evalkit.metrics.forecast import Rates
from evalkit.modes.mode import COMMON_IDLE_KEYS, Mode, ModeData, Work
from evalkit.modes.voice.settings import AssistantSettings
from evalkit.peers.peers import Peers
from evalkit.records.case import Case
from evalkit.records.json import JsonObject
from evalkit.records.layout import ResultLayout
from evalkit.runner.forecast import _load_rates
from evalkit.runner.jobs import packaged_source
from evalkit.runner.prepare import read_settings
from evalkit.settings.types import RunSettings
from evalkit.store.run_directory import RunDirectory

CASE = Case("capital", "riddle", {"question": "What is the capital of Peru?"})


@dataclass(frozen=True, kw_only=True)
class RiddleSettings(RunSettings):
    """Somebody is asked."""

    assistant: AssistantSettings


class RiddleMode(Mode[RiddleSettings, ModeData]):
    """Says what a mode has to say, and no more."""

    name = "riddle"
    settings_type = RiddleSettings
    layout = ResultLayout("riddle", ("example_id",))

    def read(self, settings: RiddleSettings) -> ModeData:
        """Return one case."""
        return ModeData((CASE,), ())

    def fingerprint(self, settings: RiddleSettings, data: ModeData, case: Case) -> JsonObject:
        """Return the model's name."""
        return {"model": settings.assistant.model}

    @asynccontextmanager
    async def open(
        self, settings: RiddleSettings, data: ModeData, peers: Peers, run: RunDirectory, clock: Clock
    ) -> AsyncIterator[Work]:
        """Fail: these tests make no attempt."""
        pytest.fail("a mode was opened without an attempt to make")
        yield


class SilentMode(RiddleMode):
    """One that asks nobody."""

    settings_type = RunSettings  # type: ignore[assignment]


RIDDLE = RiddleMode()


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    """A resolved config, as far as every mode has one, and an assistant's node."""
    composed = plan(["mode.graders=[contains,latency]", "trials=2"], packaged_source()).jobs[0].config
    return dict(read_settings(composed, Path.cwd())[1].config)


@pytest.fixture(scope="module")
def settings(config: dict[str, Any]) -> RiddleSettings:
    """The mode's own type of settings."""
    return RIDDLE.make_settings(config, config)


def test_settings_are_of_the_modes_own_type(settings: RiddleSettings, config: dict[str, Any]) -> None:
    """Made of the resolved config, whose keys of other modes do not matter."""
    assert type(settings) is RiddleSettings
    assert settings.assistant.model == "local-agent"
    assert settings.config == config
    assert RIDDLE.find_contradictions(config) == []


def test_nothing_is_settled_that_the_mode_has_not(config: dict[str, Any]) -> None:
    """Roles and paths are settled before the mode is asked."""
    resolved = dict(config)
    RIDDLE.settle(resolved)
    assert resolved == config


def test_a_run_talks_to_the_roles_it_has_but_for_the_judge(settings: RiddleSettings, config: dict[str, Any]) -> None:
    """Whether the judge is asked depends on the graders; a mode of texts starts no engine."""
    assert RIDDLE.needs(settings) == {"assistant"}
    assert SilentMode().needs(SilentMode().make_settings(config, config)) == frozenset()
    assert RIDDLE.engines(settings) == frozenset()


def test_every_case_is_graded_as_the_config_says(settings: RiddleSettings) -> None:
    """By types, called by their types; messages name the key."""
    assert [(spec.grader_id, spec.grader_type) for spec in RIDDLE.graders(settings, CASE)] == [
        ("contains", "contains"),
        ("latency", "latency"),
    ]
    assert RIDDLE.where(settings, CASE) == "mode.graders"


def test_expectations_are_those_of_the_data(settings: RiddleSettings) -> None:
    """As it is read today."""
    assert list(RIDDLE.read_expectations(settings)) == [CASE]


def test_a_job_is_described_by_mode_cases_and_subject(settings: RiddleSettings, config: dict[str, Any]) -> None:
    """The model under test; the mode where nobody is."""
    assert RIDDLE.describe(settings, RIDDLE.read(settings)) == "riddle, 1 cases x 2 trials, local-agent"
    silent = SilentMode()
    assert silent.subject(silent.make_settings(config, config)) == "riddle"


def test_what_a_case_takes_is_unknown_unless_the_mode_says(settings: RiddleSettings) -> None:
    """Nothing is reckoned from thin air."""
    rates: Any = Rates
    assert list(RIDDLE.forecast(settings, RIDDLE.read(settings), rates)) == []


def test_a_mode_without_a_folder_to_start_from_says_so(tmp_path: Path) -> None:
    """`evalkit new` is an offer, not a duty."""
    with pytest.raises(ConfigError, match="mode=riddle offers no folder to start from"):
        RIDDLE.starter(tmp_path)


def test_a_mode_says_what_it_must() -> None:
    """Where cases come from, what decides a record, and how an attempt is made have no default."""
    assert Mode.__abstractmethods__ == {"read", "fingerprint", "open"}


class _Untouched:
    """A value that may be handed on, and not looked at."""

    def _refuse(self, *_: object) -> Any:
        raise AssertionError("a key that is called idle was looked at")

    __eq__ = __bool__ = __str__ = __repr__ = __iter__ = __len__ = __int__ = __float__ = __index__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = __add__ = __radd__ = __mul__ = __rmul__ = __getitem__ = __format__ = _refuse
    __getattr__ = __fspath__ = __contains__ = __truediv__ = __sub__ = __rsub__ = _refuse
    __hash__ = _refuse


def _holds_untouched(value: Any) -> bool:
    if isinstance(value, _Untouched):
        return True
    if is_dataclass(value) and not isinstance(value, type):
        return any(_holds_untouched(getattr(value, each.name)) for each in fields(value))
    if isinstance(value, Mapping):
        return any(map(_holds_untouched, value.values()))
    return isinstance(value, list | tuple) and any(map(_holds_untouched, value))


@pytest.mark.parametrize(
    "line",
    [
        ("mode=crawl", "mode.graders=[tool_call,audio_text_mismatch]"), ("mode=crawl", "input=text"), ("mode=walk",),
        ("mode=run",), ("mode=run", "input=text"), ("mode=coding",), ("mode=terminal",),
    ],
)  # fmt: skip
def test_idle_keys_are_not_looked_at(line: tuple[str, ...]) -> None:
    """Jobs of a sweep that differ in them alone are read, checked and forecast as one."""
    config = plan(line, packaged_source()).jobs[0].config
    mode, settings = read_settings(config, Path.cwd())
    assert set(COMMON_IDLE_KEYS) - set(mode.idle_keys) <= {"concurrency"}
    idle = dict.fromkeys(mode.idle_keys, _Untouched())
    left = {key: value for key, value in settings.config.items() if key not in idle}
    settings = replace(settings, **idle, config=left)
    data = mode.read(settings)
    graders = [mode.graders(settings, case) for case in (*data.cases, *data.left_out)]
    where = [mode.where(settings, case) for case in data.cases]
    forecast = list(mode.forecast(settings, data, _load_rates()))
    assert data.cases
    assert any(graders)
    assert not any(map(_holds_untouched, (data, graders, where, forecast, list(mode.voices(settings, data)))))
