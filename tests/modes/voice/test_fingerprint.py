"""What a record stores of the settings: content, never a place."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.compose.planning import plan
from evalkit.modes.voice.fingerprint import settings_in_effect, settings_of_call
from evalkit.records.json import canonical
from evalkit.runner.jobs import packaged_source
from evalkit.runner.prepare import Prepared, prepare


def _prepare(*overrides: str) -> Prepared:
    return prepare(plan(overrides, packaged_source()).jobs[0].config, Path.cwd(), {})


def test_the_same_prompt_elsewhere_is_the_same_setting(tmp_path: Path) -> None:
    """A copied prompt file changes nothing, a changed one does."""
    shipped = _prepare()
    copy = tmp_path / "copy.txt"
    copy.write_text(shipped.system_prompt)
    copied = _prepare(f"assistant.system_prompt_file={copy}")
    assert settings_in_effect(copied) == settings_in_effect(shipped)
    copy.write_text(shipped.system_prompt + "!")
    assert settings_in_effect(_prepare(f"assistant.system_prompt_file={copy}")) != settings_in_effect(shipped)


@pytest.mark.parametrize("override", ["chunk_ms=40", "channel=telephone", "assistant.voice=cedar", "speech.speed=1.2"])
def test_what_changes_a_result_is_in_it(override: str) -> None:
    """For single turns and for calls."""
    assert settings_in_effect(_prepare(override)) != settings_in_effect(_prepare())
    plain, changed = _prepare("mode=run"), _prepare("mode=run", override)
    assert settings_of_call(changed, changed.cases[0]) != settings_of_call(plain, plain.cases[0])


def test_it_is_plain_json_without_paths(tmp_path: Path) -> None:
    """Hashes stand for files."""
    prepared = _prepare("mode=run", f"output_dir={tmp_path}")
    written = canonical(settings_of_call(prepared, prepared.cases[0])).decode()
    assert str(Path(prepared.settings.mode.data_csv).parent) not in written
    assert str(tmp_path) not in written


def test_what_was_run_before_a_key_was_renamed_keeps_its_key() -> None:
    """Engines and faults stand under their first names; a new key at its shipped value changes nothing."""
    service = settings_in_effect(_prepare())["service"]
    assert service == {
        "voice": "hibari", "ears": "whisper", "base_url": None, "api_key_env": None, "voice_model": None,
        "ears_model": None, "faults": None,
    }  # fmt: skip
