"""What modes share that ask a text model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evalkit.modes.text_assistant import fingerprint_assistant, prompt_files, read_prompt, sampling_of
from evalkit.settings.types import TextSettings

PROVIDER: dict[str, Any] = {
    "name": "local", "base_url": None, "api_key_env": None, "api_version": None, "run": None,
    "models": {"assistant": "m", "judge": "j"},
}  # fmt: skip


def _settings(prompt: Path | None, **changes: Any) -> TextSettings:
    provider = {**PROVIDER, **changes.pop("provider", {})}
    document: dict[str, Any] = {
        "mode": {"name": "quiz", "data_csv": "x.csv", "graders": []},
        "provider": provider,
        "assistant": {"provider": provider, "model": "m", "system_prompt_file": prompt and str(prompt)},
        "judge": {"provider": provider, "model": "j", "votes": 1, "calibration_file": "c"},
        "limits": {
            "response_timeout_s": 1, "turn_timeout_s": None, "case_timeout_s": 1, "run_timeout_s": None, "grace_s": 1,
            "max_attempts": 1, "requests_in_flight": None, "max_tool_rounds": 1, "max_cost_usd": None,
            "prices_file": None, "max_infrastructure_share": 0,
        },
        "gate": {
            "min_grade": None, "bound": "point", "max_latency_ms": None, "latency_column": "latency_x_ms",
            "latency_percentile": 95, "max_cost_usd": None, "max_excluded_share": None, "never_fail": [],
        },
        "report": {"plots": False, "html": False},
        "service": {"brain": "rules", "faults": changes.pop("faults", None), "keep_alive_s": 0},
        "trials": 1, "seed": 0, "concurrency": 1, "max_examples": None, "run_name": None, "output_dir": "out",
    }  # fmt: skip
    document["assistant"].update(changes)
    return TextSettings.from_config(document)


def test_no_prompt_is_nothing_to_be_told(tmp_path: Path) -> None:
    """And a file is read whole."""
    prompt = tmp_path / "prompt.txt"
    prompt.write_text("Be brief.\n", encoding="utf-8")
    assert (read_prompt(_settings(None)), prompt_files(_settings(None))) == ("", ())
    assert (read_prompt(_settings(prompt)), prompt_files(_settings(prompt))) == ("Be brief.\n", (prompt,))


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "other"}, {"provider": {"name": "compatible", "base_url": "http://a/v1"}}, {"faults": "stall"},
        {"provider": {"text_api": "chat"}}, {"temperature": 0}, {"max_output_tokens": 9}, {"reasoning_effort": "low"},
    ],
)  # fmt: skip
def test_what_decides_an_answer_is_in_the_fingerprint(changes: dict[str, Any]) -> None:
    """Model, endpoint, API, how it is to answer, and what the embedded provider does wrong on purpose."""
    assert fingerprint_assistant(_settings(None, **changes)) != fingerprint_assistant(_settings(None))


def test_what_is_not_set_is_not_in_it() -> None:
    """So that records of before there were such keys are still good; and it is not sent."""
    assert not {"text_api", "temperature", "max_output_tokens"} & set(fingerprint_assistant(_settings(None)))
    assert set(sampling_of(_settings(None)).values()) == {None}
    assert sampling_of(_settings(None, temperature=0.5)) == {
        "temperature": 0.5, "max_output_tokens": None, "reasoning_effort": None,
    }  # fmt: skip


def test_a_prompt_counts_by_its_words_and_not_by_its_place(tmp_path: Path) -> None:
    """A copy changes nothing, another word does."""
    first, second = tmp_path / "a.txt", tmp_path / "b.txt"
    first.write_text("Be brief.", encoding="utf-8")
    second.write_text("Be brief.", encoding="utf-8")
    assert fingerprint_assistant(_settings(first)) == fingerprint_assistant(_settings(second))
    second.write_text("Be long.", encoding="utf-8")
    assert fingerprint_assistant(_settings(first)) != fingerprint_assistant(_settings(second))
