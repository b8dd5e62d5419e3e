"""The shipped cases of mode=terminal keep to their schema; doing all passes each of them, doing nothing fails each."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from demo_agent_sessions import Played, play
from jsonschema import Draft202012Validator

from evalkit.settings.resources import resource_dir

FOLDER = Path(__file__).resolve().parents[2] / "data" / "terminal"
NAMES = sorted(path.name for path in FOLDER.glob("*.yaml"))
VALIDATOR = Draft202012Validator(json.loads((resource_dir("schemas") / "terminal_case.schema.json").read_text()))


def read_case(name: str) -> dict[str, Any]:
    case: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    return case


RULED = [name for name in NAMES if not read_case(name).get("persona")]
"""Those whose user is played by rules alone; a model's needs the embedded provider (tests/e2e/test_terminal_users.py)."""


def test_the_index_names_every_case_once() -> None:
    """A case that is not in the index would never be held."""
    with (FOLDER / "cases.csv").open(encoding="utf-8", newline="") as stream:
        listed = [row["case_file"] for row in csv.DictReader(stream, strict=True)]
    assert sorted(listed) == NAMES
    assert len(listed) >= 22


@pytest.mark.parametrize("name", NAMES)
def test_a_case_keeps_to_the_schema(name: str) -> None:
    """What is misspelt is refused, and a shipped case has nothing that is."""
    case = read_case(name)
    assert [error.message for error in VALIDATOR.iter_errors(case)] == []
    assert case["case_id"] == name.removesuffix(".yaml")


@pytest.mark.parametrize("name", NAMES)
def test_a_case_is_sound_in_itself(name: str) -> None:
    """Ids are unique, patterns are regular expressions, and no transport lacks what a part of the case needs."""
    case = read_case(name)
    reactors, checks = case.get("reactors", []), case["checks"]
    for parts in (reactors, checks):
        assert len({part["id"] for part in parts}) == len(parts)
    for part in [*checks, *(reactor["when"] for reactor in reactors)]:
        if part["type"] != "contains":
            re.compile(part.get("pattern", ""))
    required = [reactor for reactor in reactors if reactor.get("required")]
    assert bool(required) == any(check["type"] == "reactors_fired" for check in checks)
    if "headless" in case["transports"]:
        assert not any(reactor["when"]["type"] in ("approval", "working") for reactor in required)
        assert not any(check["type"] == "approvals" for check in checks)
    if case["transports"] != ["pty"]:
        assert not any(reactor["action"]["type"] == "resize" for reactor in reactors)
    words = [reactor["action"].get("payload") for reactor in reactors if reactor["action"]["type"] == "say"]
    assert case["default_action"].get("payload") not in words


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"max_turn": 3}, "'max_turn' was unexpected"),
        ({"checks": [{"id": "a", "type": "file_exact", "path": "a.txt"}]}, "'text' is a required property"),
        ({"checks": [{"id": "a", "type": "file_exists", "path": "a.txt", "text": "x"}]}, "'text' is not one of"),
        ({"checks": [{"id": "a", "type": "file_exists", "path": "../a.txt"}]}, "does not match"),
        ({"reactors": [{"id": "a", "when": {"type": "regex"}, "action": {"type": "end"}}]}, "'pattern' is a required"),
        (
            {"reactors": [{"id": "a", "when": {"type": "approval"}, "action": {"type": "say"}}]},
            "'payload' is a required",
        ),
        ({"default_action": {"type": "resize", "payload": "wide"}}, "does not match"),
        ({"transports": ["ssh"]}, "is not one of"),
    ],
)
def test_a_mistake_in_a_case_is_refused(change: dict[str, Any], told: str) -> None:
    """The schema is closed at every depth, and each kind of check says what it needs."""
    messages = [error.message for error in VALIDATOR.iter_errors(read_case("create_file.yaml") | change)]
    assert any(told in message for message in messages), messages


def test_every_key_is_described() -> None:
    """Who writes a case can read what a key means where it is defined."""
    missing = [path for path, key in _keys(VALIDATOR.schema, "") if "$ref" not in key and not key.get("description")]
    assert missing == []


def _keys(schema: Any, path: str) -> Iterator[tuple[str, Any]]:
    for name, key in schema.get("properties", {}).items():
        yield f"{path}.{name}", key
        yield from _keys(key, f"{path}.{name}")
    for name, part in schema.get("$defs", {}).items():
        yield from _keys(part, f"{path}#{name}")


def play_all(runs: list[tuple[str, str, str]], root: Path) -> dict[tuple[str, str, str], Played]:
    """Play cases, several at once: (case file, face, variant) each."""
    with ThreadPoolExecutor(8) as pool:
        started = {run: pool.submit(play, read_case(run[0]), run[1], run[2], root / "-".join(run)) for run in runs}
        return {run: future.result() for run, future in started.items()}


def _first_face(name: str) -> str:
    return "acp" if "acp" in read_case(name)["transports"] else "tui"


def test_the_oracle_passes_every_case_and_the_noop_none(tmp_path: Path) -> None:
    """A case that the one fails has a mistake; a case that the other passes measures nothing."""
    runs = [(name, _first_face(name), variant) for name in RULED for variant in ("oracle", "noop")]
    played = play_all(runs, tmp_path)
    assert {run: one.failed for run, one in played.items() if run[2] == "oracle" and one.failed} == {}
    assert [run[0] for run, one in played.items() if run[2] == "noop" and not one.failed] == []


@pytest.mark.slow
@pytest.mark.parametrize("face", ["headless", "plain", "tui"])
def test_the_oracle_passes_over_every_transport(face: str, tmp_path: Path) -> None:
    """Over every transport that a case names it can be done, and doing nothing does not do it."""
    transport = "headless" if face == "headless" else "pty"
    names = [name for name in RULED if transport in read_case(name)["transports"]]
    shown = [name for name in names if face == "tui" or _first_face(name) != "tui"]
    played = play_all([(name, face, variant) for name in shown for variant in ("oracle", "noop")], tmp_path)
    assert {run: (one.failed, one.replies) for run, one in played.items() if run[2] == "oracle" and one.failed} == {}
    assert [run[0] for run, one in played.items() if run[2] == "noop" and not one.failed] == []
