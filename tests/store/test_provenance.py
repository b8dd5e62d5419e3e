"""Provenance: what a run was made of, by content."""

from __future__ import annotations

import re
from importlib import metadata
from typing import Any

import pytest

from evalkit.errors import ConfigError
from evalkit.store.provenance import RUN_ID_VARIABLE, config_sha256, describe_start, find_run_id_problem, take_run_id

_CONFIG: dict[str, Any] = {
    "mode": {"data_csv": "/a/cases.csv"},
    "assistant": {"model": "m"}, "simulator": {"model": None}, "judge": {"model": None}, "speech": {"model": None},
    "output_dir": "/a/out", "run_name": "x", "chunk_ms": 20,
}  # fmt: skip


def _dataset(path: str, sha: str = "1") -> dict[str, Any]:
    return {"path": path, "sha256": sha, "bytes": 1}


def test_the_same_content_elsewhere_is_the_same_run() -> None:
    """Hashes are of contents, never of paths or names."""
    moved = {**_CONFIG, "mode": {"data_csv": "/b/cases.csv"}, "output_dir": "/b/out", "run_name": "y"}
    assert config_sha256(_CONFIG, [_dataset("/a/cases.csv")]) == config_sha256(moved, [_dataset("/b/cases.csv")])


def test_other_content_is_another_run() -> None:
    """An edited file or a changed key changes the hash."""
    before = config_sha256(_CONFIG, [_dataset("/a/cases.csv")])
    assert before != config_sha256(_CONFIG, [_dataset("/a/cases.csv", "2")])
    assert before != config_sha256({**_CONFIG, "chunk_ms": 40}, [_dataset("/a/cases.csv")])


def test_packages_are_what_they_say_of_themselves() -> None:
    """All that are installed, by name, as the standard library reads them."""
    packages = describe_start(_CONFIG, [], [], [], "now")["packages"]
    by_name = sorted(metadata.distributions(), key=lambda item: item.name.lower())
    assert list(packages.items()) == list({item.name: item.version for item in by_name}.items())


def test_the_start_of_a_run_is_described() -> None:
    """Version, Python, packages and data are there before the first case."""
    start = describe_start(_CONFIG, ["evalkit"], [_dataset("/a/cases.csv")], ["a", "a.t2"], "now")
    assert start["packages"]["numpy"]
    assert start["datasets"] == [_dataset("/a/cases.csv")]
    assert start["case_trials"] == ["a", "a.t2"]
    assert start["models_asked"]["assistant"] == "m"
    assert start["ended_at"] is None


def test_the_id_is_chosen_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever starts a process may choose the id of its run; a second run in it has one of its own."""
    monkeypatch.setenv(RUN_ID_VARIABLE, "0123456789abcdef" * 2)
    first, second = (describe_start(_CONFIG, [], [], [], "now")["run_id"] for _ in range(2))
    assert first == "0123456789abcdef" * 2
    assert re.fullmatch(r"[0-9a-f]{32}", second)
    assert second != first


def test_what_is_no_id_is_refused() -> None:
    """With what was found, and what is expected."""
    environ = {RUN_ID_VARIABLE: "../etc"}
    assert "'../etc' is no id; expected 32" in str(find_run_id_problem(environ))
    with pytest.raises(ConfigError, match="is no id"):
        take_run_id(environ)
    assert find_run_id_problem({}) is None
