"""The documentation says what the code does: tables are generated from it, and compared.

Run this file as a script to write the README's tables again: ``python tests/test_docs.py``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from evalkit import compose
from evalkit.cli import COMMANDS
from evalkit.modes.voice.layouts import CRAWL_LAYOUT
from evalkit.records.faults import Fault
from evalkit.records.match_rules import MATCH_RULES
from evalkit.runner.verdict import ExitCode
from evalkit.settings.help import OLD_FLAGS, list_groups
from evalkit.settings.resources import resource_dir
from evalkit.settings.schemas import run_keys

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"


def _old_flags() -> str:
    rows = [f"| `{flag}` | `{override.format('VALUE')}` |" for flag, override in OLD_FLAGS.items()]
    return "\n".join(["| flag | write |", "|---|---|", *rows])


def _groups() -> str:
    rows = [
        f"| `{group}` | {', '.join(f'`{option}`' for option in options)} |" for group, options in list_groups().items()
    ]
    return "\n".join(["| group | options |", "|---|---|", *rows])


def _keys() -> str:
    rows = [
        f"| `{key.path}` | {key.allowed.replace('|', '/')} | {_default(key.path)} | {key.description} |"
        for key in run_keys().values()
    ]
    return "\n".join(["| key | allowed | default | meaning |", "|---|---|---|---|", *rows])


@cache
def _defaults() -> Mapping[str, Any]:
    return compose.plan([], compose.packaged_source()).jobs[0].config


def _default(path: str) -> str:
    node: Any = _defaults()
    for name in path.split("."):
        node = node[name]
    if node is None:
        return "null"
    return f"`{node}`".replace(str(resource_dir("data")), "data")


TABLES = {"old flags": _old_flags, "groups": _groups, "keys": _keys}


def _with_tables(text: str) -> str:
    """Return `text` with every generated table written again after its marker."""
    for name, make in TABLES.items():
        text = re.sub(
            rf"(<!-- table: {name} -->)\n+(\|.*\n)*\n*", lambda match, make=make: f"{match[1]}\n\n{make()}\n\n", text
        )
    return text


def test_the_readmes_tables_are_those_of_the_code() -> None:
    """Keys, groups and old flags are generated; `python tests/test_docs.py` brings them up to date."""
    text = README.read_text(encoding="utf-8")
    assert _with_tables(text) == text


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme(command: str) -> None:
    """A stranger finds it."""
    assert f"`evalkit {command}" in README.read_text(encoding="utf-8")


@pytest.mark.parametrize("code", ExitCode)
def test_every_exit_code_is_in_the_readme(code: ExitCode) -> None:
    """A script's author finds it."""
    assert f"| {int(code)} |" in README.read_text(encoding="utf-8")


@pytest.mark.parametrize("word", [*Fault, *MATCH_RULES, *CRAWL_LAYOUT.columns[:1]])
def test_the_vocabulary_is_in_the_readme(word: str) -> None:
    """Faults and match rules by name."""
    assert str(word) in README.read_text(encoding="utf-8")


def test_every_file_the_docs_point_to_exists() -> None:
    """No dead links, in any document."""
    for document in [README, ROOT / "AGENTS.md", ROOT / "ARCHITECTURE.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_the_readme_has_the_two_commands() -> None:
    """CI reads the test command from there."""
    text = README.read_text(encoding="utf-8")
    assert "<!-- command: run -->" in text
    assert "<!-- command: test -->" in text


if __name__ == "__main__":
    README.write_text(_with_tables(README.read_text(encoding="utf-8")), encoding="utf-8")
    sys.exit(0)
