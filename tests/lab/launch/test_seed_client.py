"""The older benchmark's client is understood."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from evalkit.lab.launch.seed_client import RunWish, overrides_of


def test_what_a_client_asks_for() -> None:
    """A run for each model; a provider in front of a model's name is the provider."""
    wish = RunWish.model_validate(
        {
            "models": ["openrouter/maker/model-1", "gpt-5"],
            "tasks": ["go_expert_lru_cache", "python_bugfix_ttl_cache"],
            "samples": 3,
            "temperature": 0.5,
            "max_tokens": 4000,
            "provider": "openai",
            "include_tests": True,
            "install_deps": True,
            "allow_incomplete_diffs": False,
            "allow_diff_rewrite_fallback": True,
            "thinking_level": "high",
        }
    )
    shared = [
        "mode=coding",
        "mode.tasks=[go_expert_lru_cache,python_bugfix_ttl_cache]",
        "trials=3",
        "assistant.temperature=0.5",
        "assistant.max_output_tokens=4000",
        "mode.include_tests=true",
        "mode.lenient=true",
    ]
    assert overrides_of(wish) == [
        [*shared, "provider=openrouter", "assistant.model=maker/model-1", "assistant.reasoning_effort=high"],
        [*shared, "provider=openai", "assistant.model=gpt-5", "assistant.reasoning_effort=high"],
    ]


def test_what_is_not_said_is_as_at_the_command_line() -> None:
    """All tasks, the default model; a sweep over levels of thinking is a run for each."""
    assert overrides_of(RunWish(tasks=["all"])) == [["mode=coding"]]
    levels = overrides_of(RunWish(sweep_thinking_levels=True))
    assert [line[-1] for line in levels] == [f"assistant.reasoning_effort={name}" for name in ("low", "medium", "high")]


def test_hostile_names_stay_values() -> None:
    """A task or model cannot become another key, a list or a function."""
    (line,) = overrides_of(RunWish(models=["x'] agent.argv=[sh"], tasks=["a],b"]))
    assert "mode.tasks=['a],b']" in line
    assert "assistant.model='x\\'] agent.argv=[sh'" in line
    with pytest.raises(ValidationError):
        RunWish.model_validate({"samples": 0})
