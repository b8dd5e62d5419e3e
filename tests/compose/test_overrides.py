"""What people mistype is answered with the nearest name, all at once, before anything is composed."""

from __future__ import annotations

import pytest

from evalkit.compose.planning import plan
from evalkit.errors import ConfigError
from evalkit.runner.jobs import Plan, packaged_source


def _plan(*overrides: str, multirun: bool = False) -> Plan:
    return plan(overrides, packaged_source(), multirun=multirun)


def _problems(*overrides: str, multirun: bool = False) -> str:
    with pytest.raises(ConfigError) as caught:
        _plan(*overrides, multirun=multirun)
    return "\n".join(caught.value.problems)


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("mode=crawll", "did you mean 'crawl'?"),
        ("chunkms=40", "did you mean 'chunk_ms'?"),
        ("asistant.model=x", "did you mean 'assistant.model'?"),
        ("+new=1", "new: unknown key"),
        ("++assistant.foo=1", "assistant.foo: unknown key"),
        ("~seed", "cannot be taken away"),
        ("chunk_ms=abc", "chunk_ms: 'abc' is not allowed; expected integer"),
        ("chunk_ms=3", "chunk_ms: 3 is not allowed"),
        ("chunk_ms=20,40", "evalkit -m chunk_ms=20,40"),
        ("provider@judge.provider=opanai", "did you mean 'openai'?"),
        ("judge.provider.base_url=http://x/v1", "provider@judge.provider=NAME"),
        ("seed", "not key=value"),
        ("service.voice=pico", "service.voice: was renamed; write service.speech=pico"),
        ("+api_key=sk-canary", "api_key: unknown key"),
    ],
)
def test_a_wrong_override_is_answered_with_what_was_meant(override: str, expected: str) -> None:
    """One clear message each, and never Hydra's advice to append the key."""
    problems = _problems(override)
    assert expected in problems
    assert "To append" not in problems
    assert "sk-canary" not in problems


@pytest.mark.parametrize("url", ["http://me:sesame@[", "http://me:se/same@[h", "http://me:sesame,x@h/v1"])
def test_a_password_is_not_shown_in_what_cannot_be_read(url: str) -> None:
    """Nor any part of one."""
    with pytest.raises(ConfigError) as refused:
        plan([f"service.brain_url={url}"], packaged_source())
    (problem,) = refused.value.problems
    assert problem.startswith("service.brain_url=http://…@")
    assert not any(part in problem for part in ("me:", "ses", "same"))


def test_all_wrong_overrides_are_listed_at_once() -> None:
    """Not the first only."""
    assert len(_problems("mode=crawll", "chunkms=1", "trials=abc", "~seed").splitlines()) == 4


@pytest.mark.parametrize("key", ["hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir", "hydra.job.chdir"])
def test_where_things_lie_is_not_said_twice(key: str) -> None:
    """Hydra's own keys for it would be ignored, or lose the jobs."""
    assert "output_dir" in _problems(f"{key}=x")


def test_a_later_launcher_takes_the_place_of_an_earlier_one_and_its_settings() -> None:
    """A sweep that is resumed under another launcher: settings of the first mean nothing to the second."""
    line = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "seed=1,2", "hydra/launcher=basic"]
    planned = plan(line, packaged_source(), multirun=True)
    assert planned.launcher == "basic"
    assert planned.overrides == ("seed=1,2", "hydra/launcher=basic")


@pytest.mark.parametrize("line", ["mode=null", "experiment=null", "provider@judge.provider=null"])
def test_no_group_is_null(line: str) -> None:
    """Hydra has no such choice; what there is to choose is told."""
    group = line.partition("=")[0].partition("@")[0]
    assert _problems(line).startswith(f"{group}: null is not an option; leave it out")
