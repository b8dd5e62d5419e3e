"""A template is compiled once for all processes, again when it has changed, and whatever was kept of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from jinja2 import DictLoader, Environment

from evalkit.reports.page.compiled_templates import CompiledTemplates


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The source of every template that was compiled."""
    seen: list[str] = []
    compile_template = Environment.compile

    def noted(self: Environment, source: str, *args: object, **options: object) -> object:
        seen.append(source)
        return compile_template(self, source, *args, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Environment, "compile", noted)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    return seen


def _render(folder: Path, source: str) -> str:
    environment = Environment(loader=DictLoader({"page": source}), bytecode_cache=CompiledTemplates(folder))  # noqa: S701
    return environment.get_template("page").render(name="Ada")


def test_the_second_process_compiles_nothing(tmp_path: Path, compiled: list[str]) -> None:
    """What one has kept the next takes, from Python's own folder for such things."""
    assert [_render(tmp_path, "Hello {{ name }}") for _ in range(2)] == ["Hello Ada", "Hello Ada"]
    assert compiled == ["Hello {{ name }}"]
    assert [path.name for path in tmp_path.iterdir()] == ["__pycache__"]


def test_a_template_that_has_changed_is_compiled_again(tmp_path: Path, compiled: list[str]) -> None:
    """By its content, not by its date."""
    _render(tmp_path, "Hello {{ name }}")
    assert _render(tmp_path, "Goodbye {{ name }}") == "Goodbye Ada"
    assert len(compiled) == 2


@pytest.mark.parametrize("kept", [b"", b"no bytecode"])
def test_what_is_broken_is_made_anew(tmp_path: Path, compiled: list[str], kept: bytes) -> None:
    """A file that was cut off costs the time of compiling, never a page; and it is whole afterwards."""
    _render(tmp_path, "Hello {{ name }}")
    (path,) = (tmp_path / "__pycache__").iterdir()
    whole = path.read_bytes()
    for number, broken in enumerate((kept, whole[:20], whole[:-9]), start=2):
        path.write_bytes(broken)
        assert [_render(tmp_path, "Hello {{ name }}") for _ in range(2)] == ["Hello Ada", "Hello Ada"]
        assert len(compiled) == number


def test_a_package_that_cannot_be_written_is_compiled_each_time(tmp_path: Path, compiled: list[str]) -> None:
    """As where it is installed for everybody."""
    (tmp_path / "package").write_text("no folder")
    assert [_render(tmp_path / "package", "Hello {{ name }}") for _ in range(2)] == ["Hello Ada", "Hello Ada"]
    assert len(compiled) == 2


def test_nothing_is_kept_where_python_keeps_nothing(
    tmp_path: Path, compiled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """``python -B`` and ``PYTHONDONTWRITEBYTECODE`` hold for templates too."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    _render(tmp_path, "Hello {{ name }}")
    assert list(tmp_path.iterdir()) == []
    assert len(compiled) == 1
