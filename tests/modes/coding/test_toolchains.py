"""What is on PATH is found as a box would see it; what is missing is named with what to install."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from evalkit.modes.coding import toolchains
from evalkit.modes.coding.task import Language
from evalkit.modes.coding.toolchains import MissingToolchain, Toolchain, find_toolchain

ELF = b"\x7fELF not really"


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on PATH, and nothing else that is known."""
    folder = tmp_path / "tools" / "bin"
    folder.mkdir(parents=True)
    for place in folder.resolve().parents:
        if place.stat().st_uid == tmp_path.stat().st_uid:
            place.chmod(place.stat().st_mode | stat.S_IXOTH)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("EVALKIT_NODE_MODULES", raising=False)
    monkeypatch.setattr(toolchains, "_FOLDERS", ())
    monkeypatch.setattr(toolchains, "_NODE_MODULES", ())
    monkeypatch.setattr(toolchains, "_version", lambda *_: "1.2.3")
    return folder


def _install(folder: Path, name: str, content: bytes = ELF) -> Path:
    path = folder / name
    path.write_bytes(content)
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("language", list(Language))
def test_a_missing_one_is_named_with_its_packages(bare: Path, language: Language) -> None:
    """For Debian and for macOS."""
    found = find_toolchain(language)
    assert isinstance(found, MissingToolchain)
    assert "is on PATH; install it: apt install " in found.reason
    assert "brew install " in found.reason


def test_a_program_elsewhere_is_bound_with_all_that_belongs_to_it(bare: Path) -> None:
    """At its own place, since what is moved finds its parts no more."""
    program = _install(bare, "go")
    found = find_toolchain(Language.GO)
    assert isinstance(found, Toolchain)
    assert (found.program, found.version) == (str(program), "1.2.3")
    assert found.read_only == {str(bare.parent): str(bare.parent)}


@pytest.mark.parametrize("script", [b"#!/bin/sh\nexec real-go\n", b""])
def test_a_script_in_front_of_a_program_is_passed_over(bare: Path, script: bytes) -> None:
    """In a box it would find nothing."""
    _install(bare, "go", script or b"#!")
    assert isinstance(find_toolchain(Language.GO), MissingToolchain)


def test_rustups_proxy_is_passed_over(bare: Path) -> None:
    """It is a program, but not the compiler."""
    _install(bare, "rustup")
    (bare / "rustc").symlink_to(bare / "rustup")
    assert isinstance(find_toolchain(Language.RUST), MissingToolchain)


def test_html_needs_a_dom_beside_node(bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line installs it; where it was installed elsewhere, a variable says so."""
    _install(bare, "node")
    missing = find_toolchain(Language.HTML)
    assert isinstance(missing, MissingToolchain)
    assert "npm install -g --ignore-scripts jsdom@29.1.1" in missing.reason
    modules = tmp_path / "node_modules"
    (modules / "jsdom").mkdir(parents=True)
    (modules / "jsdom" / "package.json").write_text('{"name": "jsdom", "version": "29.1.1"}', encoding="utf-8")
    monkeypatch.setenv("EVALKIT_NODE_MODULES", str(modules))
    found = find_toolchain(Language.HTML)
    assert isinstance(found, Toolchain)
    assert found.version == "1.2.3 jsdom 29.1.1"
    assert found.read_only[str(modules.resolve())] == "/box/node_modules"


def test_python_is_here() -> None:
    """The tests run in one: a real look at this machine says its version."""
    found = find_toolchain(Language.PYTHON)
    assert isinstance(found, MissingToolchain) or found.version.startswith("3.")
