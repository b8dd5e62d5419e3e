"""What a record stores of the settings: content, never a place."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.compose.planning import plan
from evalkit.records.json import JsonObject, canonical
from evalkit.runner.jobs import packaged_source
from evalkit.runner.prepare import Prepared, prepare
from evalkit.settings.resources import resource_dir


def _prepare(*overrides: str) -> Prepared:
    return prepare(plan(overrides, packaged_source()).jobs[0].config, Path.cwd(), {})


def _fingerprint(*overrides: str) -> JsonObject:
    prepared = _prepare(*overrides)
    return prepared.fingerprint(prepared.cases[0])


def test_the_same_prompt_elsewhere_is_the_same_setting(tmp_path: Path) -> None:
    """A copied prompt file changes nothing, a changed one does."""
    shipped, prompt = _fingerprint(), resource_dir("data") / "prompts" / "support.txt"
    copy = tmp_path / "copy.txt"
    copy.write_bytes(prompt.read_bytes())
    assert _fingerprint(f"assistant.system_prompt_file={copy}") == shipped
    copy.write_bytes(prompt.read_bytes() + b"!")
    assert _fingerprint(f"assistant.system_prompt_file={copy}") != shipped


@pytest.mark.parametrize("override", ["chunk_ms=40", "channel=telephone", "assistant.voice=cedar", "speech.speed=1.2"])
def test_what_changes_a_result_is_in_it(override: str) -> None:
    """For single turns and for calls."""
    assert _fingerprint(override) != _fingerprint()
    assert _fingerprint("mode=run", override) != _fingerprint("mode=run")


def test_it_is_plain_json_without_paths(tmp_path: Path) -> None:
    """Hashes stand for files."""
    prepared = _prepare("mode=run", f"output_dir={tmp_path}")
    written = canonical(prepared.fingerprint(prepared.cases[0])).decode()
    assert str(Path(prepared.settings.mode.data_csv).parent) not in written
    assert str(tmp_path) not in written


def test_what_was_run_before_a_key_was_renamed_keeps_its_key() -> None:
    """Engines and faults stand under their first names; a new key at its shipped value changes nothing."""
    service = _fingerprint()["service"]
    assert service == {
        "voice": "hibari", "ears": "whisper", "base_url": None, "api_key_env": None, "voice_model": None,
        "ears_model": None, "faults": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    "mode", [("mode=crawl",), ("mode=run",), ("mode=crawl", "input=text"), ("mode=run", "input=text")]
)
def test_which_brain_thinks_and_where_is_in_it(mode: tuple[str, ...]) -> None:
    """With its model; a variable's name decides nothing."""
    asks = (*mode, "service.brain=chat", "service.brain_url=http://127.0.0.1:1234/v1", "assistant.model=qwen3")
    told = _fingerprint(*asks)
    service, assistant = told["service"], told["assistant"]
    assert isinstance(service, dict)
    assert isinstance(assistant, dict)
    assert (service["brain"], service["brain_url"]) == ("chat", "http://127.0.0.1:1234/v1")
    assert assistant["model"] == "qwen3"
    assert "brain_url" not in str(_fingerprint(*mode))
    assert _fingerprint(*asks, "service.brain_url=http://127.0.0.1:8080/v1") != told
    assert _fingerprint(*asks, "+service.brain_options.temperature=null") == told
    options = ("+service.brain_options.temperature=0", "+service.brain_options.chat_template_kwargs={thinks: false}")
    asked = _fingerprint(*asks, *options)["service"]
    assert isinstance(asked, dict)
    assert asked["brain_options"] == {"temperature": 0, "chat_template_kwargs": {"thinks": False}}
    assert "brain_tools" not in asked
    assert "'brain_tools': 'json'" in str(_fingerprint(*asks, "service.brain_tools=json"))
