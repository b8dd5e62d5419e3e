"""What a machine has to run tasks with, and what it lacks."""

from __future__ import annotations

import pytest
from scripted_sandbox import ScriptedSandbox

from evalkit.errors import ConfigError
from evalkit.modes.coding import languages
from evalkit.modes.coding.languages import find_languages
from evalkit.modes.coding.task import Language
from evalkit.modes.coding.toolchains import MissingToolchain, Toolchain
from evalkit.sandbox.box import Sandbox


def _no_sandbox(wanted: str) -> Sandbox:
    raise ConfigError(f"sandbox {wanted} does not work here: no namespaces")


def test_each_language_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is there and what is not, with the sandbox by the name it gives itself."""
    asked: list[Language] = []

    def find(language: Language) -> Toolchain | MissingToolchain:
        asked.append(language)
        return MissingToolchain(language, "none") if language is Language.GO else Toolchain(language, "/usr/bin/x", "1")

    monkeypatch.setattr(languages, "find_toolchain", find)
    monkeypatch.setattr(languages, "_found", lambda wanted: ScriptedSandbox(name=f"found for {wanted}"))
    found = find_languages("auto", [Language.GO, Language.PYTHON, Language.GO])
    assert asked == [Language.GO, Language.PYTHON]
    assert (list(found.toolchains), [each.language for each in found.missing]) == ([Language.PYTHON], [Language.GO])
    assert found.sandbox == "found for auto"
    assert found.find_sandbox().name == "found for found for auto"


def test_no_sandbox_is_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's code is run without one by mistake."""
    monkeypatch.setattr(languages, "find_sandbox", _no_sandbox)
    with pytest.raises(ConfigError, match="no namespaces"):
        find_languages("sandlock-for-this-test", [Language.PYTHON])
