"""Runs made by the version before modes had doors, kept as data: today's commands read them, and go on from them.

They were made in ``/opt/runs`` by an installation in ``/opt/evalkit``, and neither is here any more.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness import Cli, read_json, read_rows

ARCHIVES = Path(__file__).parents[1] / "data" / "stored_runs"
MODES = ("crawl", "walk", "run")
# Of full duplex, and of what a recogniser heard.
COLUMNS_SINCE = (
    "response_latency_ms",
    "yield_latency_ms",
    "yielded",
    "interrupted_caller",
    "overlap_ms",
    "detected_turns",
    "speech_holes",
    "speech_holes_ms",
    "heard_text",
    "argument_words",
    "misheard_words",
    "arguments_lost",
)
QUIET = ("report.plots=false", "report.html=false")

Unpack = Callable[..., Path]


@pytest.fixture
def unpack(tmp_path: Path) -> Unpack:
    """Unpack the stored run of a mode into a folder of its own."""

    def unpacked(mode: str) -> Path:
        with tarfile.open(ARCHIVES / f"{mode}_before.tar.xz") as archive:
            archive.extractall(tmp_path / "stored", filter="data")
        return tmp_path / "stored" / f"{mode}_before"

    return unpacked


def _keys(run: Path) -> list[str]:
    return [str(key) for key in read_json(run / "provenance.json")["case_trials"]]


def _record_hashes(run: Path) -> dict[str, str]:
    lines = [json.loads(line) for line in (run / "journal.jsonl").read_text(encoding="utf-8").splitlines()]
    return {line["key"]: line["record_sha256"] for line in lines if line["event"] == "finished"}


def _content(row: dict[str, str]) -> dict[str, str]:
    """Return a row without what says where the run lies."""
    return {name: value for name, value in row.items() if not name.endswith("_path")}


def _before(row: dict[str, str]) -> dict[str, str]:
    """Return a row of today without what says where the run lies, and without the columns that came since.

    They are empty, for what they tell was not measured.
    """
    assert not any(row.get(name) for name in COLUMNS_SINCE)
    return {name: value for name, value in _content(row).items() if name not in {"passed", *COLUMNS_SINCE}}


def _rounded(value: Any) -> Any:
    """Return `value` with numbers to nine digits: an interval that is computed otherwise differs in the last one."""
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_rounded(inner) for inner in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


def _said_otherwise(mode: str, now: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """Return what a summary says otherwise since then: a voice that nobody chose has a word, and a pass one meaning.

    In the run that was kept a required judge said no to the one call, which was counted as passed all the same.
    """
    changed = {"voice": "default"} if "voice" in before else {}
    if mode == "run":
        assert (now["grade_mean"], now["passed_mean"]) == (1.0, 0.0)
        changed |= {"pass_at_k": {"1": 0.0}, "pass_hat_k": {"1": 0.0}, "score_bounds": [0.0, 0.0]}
    return {**changed, "noise_floor": now["noise_floor"]}


def _lose(run: Path, key: str) -> None:
    """Leave `run` as if it had been cut off before `key` was begun."""
    (run / "records" / f"{key}.json").unlink()
    for name in ("journal.jsonl", "grades.jsonl"):
        lines = (run / name).read_text(encoding="utf-8").splitlines(keepends=True)
        (run / name).write_text("".join(line for line in lines if json.loads(line)["key"] != key), encoding="utf-8")
    status = read_json(run / "status.json")
    (run / "status.json").write_text(json.dumps({**status, "status": "interrupted", "exit_code": 130}))


@pytest.mark.parametrize("mode", MODES)
def test_it_is_reported_with_the_numbers_it_had(cold_cli: Cli, unpack: Unpack, mode: str) -> None:
    """Every row and every number of the summary that it wrote itself."""
    run = unpack(mode)
    rows, summary = read_rows(run), read_json(run / "summary.json")
    done = cold_cli("report", str(run))
    assert done.code == 0, done.err
    assert [_before(row) for row in read_rows(run)] == [_content(row) for row in rows]
    now, before = _rounded(read_json(run / "summary.json")), _rounded(summary)
    floor = now["noise_floor"]["metrics"]
    assert {name: value for name, value in floor.items() if name != "passed"} == before["noise_floor"]["metrics"]
    assert {name: now[name] for name in before} == {**before, **_said_otherwise(mode, now, before)}
    for row in read_rows(run):
        assert Path(row["event_log_path"]).is_relative_to(run)
        assert Path(row["event_log_path"]).is_file()


@pytest.mark.parametrize("mode", MODES)
def test_it_is_scored_again_to_the_same_grades(cli: Cli, unpack: Unpack, mode: str) -> None:
    """By the graders it stored, asked of the records it stored: nothing has become another verdict."""
    run = unpack(mode)
    before = read_json(run / "summary.json")["grade_mean"]
    done = cli("score", str(run), "--json", *QUIET)
    assert done.code == 0, done.err
    said = json.loads(done.out)
    assert (said["grade_mean"], said["changed"]) == (before, [])


@pytest.mark.parametrize("mode", MODES)
def test_it_is_resumed_where_nothing_is_left_to_do(cli: Cli, unpack: Unpack, mode: str) -> None:
    """No finished case counts as changed, and none is held again."""
    run = unpack(mode)
    hashes = _record_hashes(run)
    done = cli("resume", str(run), *QUIET)
    assert done.code == 0, done.err
    assert _record_hashes(run) == hashes


@pytest.mark.parametrize("mode", MODES)
def test_what_it_had_not_begun_is_done_today(cli: Cli, unpack: Unpack, mode: str) -> None:
    """One case is held, the others stay as they were stored."""
    run = unpack(mode)
    lost = _keys(run)[0]
    _lose(run, lost)
    kept = _record_hashes(run)
    done = cli("resume", str(run), *QUIET)
    assert done.code == 0, done.err
    assert sorted(_record_hashes(run)) == sorted(_keys(run))
    assert {key: sha for key, sha in _record_hashes(run).items() if key != lost} == kept
    assert read_json(run / "status.json")["status"] == "completed"
    assert read_json(run / "records" / f"{lost}.json")["failure"] is None


@pytest.mark.parametrize("mode", MODES)
def test_it_is_run_again_and_compared(cli: Cli, unpack: Unpack, mode: str) -> None:
    """The same cases under the same names, from a config that has only the keys its mode has today."""
    run = unpack(mode)
    again = cli("rerun", str(run), f"output_dir={cli.cwd / 'again'}", *QUIET)
    assert again.code == 0, again.err
    assert sorted(_record_hashes(again.directory)) == sorted(_keys(run))
    compared = cli("compare", str(run), str(again.directory), "--json")
    assert compared.code in (0, 1), compared.err
    said = json.loads(compared.out)
    assert (said["paired"], said["unpaired"]) == (len(_keys(run)), [])
    assert said["config_changes"] == []
