"""A model that writes is no realtime model: said before anything starts, with the line that does what was meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.compose.planning import plan
from evalkit.errors import ConfigError
from evalkit.runner.jobs import packaged_source
from evalkit.runner.prepare import read_settings

_ASSISTANT = "assistant.provider: 'local_llm' writes text"
_SIMULATOR = "simulator.provider: 'local_llm' writes text"


@pytest.mark.parametrize("sound", ["voice", "text"])
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (["mode=crawl", "provider=local_llm"], [_ASSISTANT]),
        (["mode=run", "provider=local_llm"], [_ASSISTANT, _SIMULATOR]),
        (["mode=run", "provider=local_llm", "simulator.kind=text"], [_ASSISTANT]),
        (["mode=run", "provider@simulator.provider=local_llm"], [_SIMULATOR]),
    ],
)
def test_a_realtime_role_is_not_given_to_it(tmp_path: Path, line: list[str], sound: str, expected: list[str]) -> None:
    """Each role that it cannot have is named, whether the call is spoken or written."""
    with pytest.raises(ConfigError) as refused:
        read_settings(plan((*line, f"input={sound}"), packaged_source()).jobs[0].config, tmp_path)
    problems = refused.value.problems
    assert [problem[: len(wanted)] for problem, wanted in zip(problems, expected, strict=True)] == expected
    assert all("service.brain=chat" in problem or "simulator.kind=text" in problem for problem in problems)


@pytest.mark.parametrize(
    "line",
    [
        ["mode=crawl", "provider@judge.provider=local_llm"],
        ["mode=run", "input=text", "provider@simulator.provider=local_llm", "simulator.kind=text"],
        ["mode=coding", "provider=local_llm"],
    ],
)
def test_roles_of_text_are_its_own(tmp_path: Path, line: list[str]) -> None:
    """A judge, a caller whose words somebody else speaks, and the model of a text mode."""
    _, settings = read_settings(plan(line, packaged_source()).jobs[0].config, tmp_path)
    assert any(role.provider.name == "local_llm" and role.model for role in settings.roles.values())
