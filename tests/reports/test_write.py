"""The files that are derived from a run."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from layouts import layout_of

from evalkit.records.case import Case
from evalkit.reports.write import Presentation, RunContent, draw_reports, write_tables

EVERYTHING, BARE = Presentation(), Presentation(plots=False, html=False)


def write(
    run_dir: Path, config: Any, records: Any, grades: Any = (), shown: Presentation = EVERYTHING
) -> dict[str, Any]:
    content = RunContent(run_dir, layout_of(config["mode"]["name"]), config, records, grades, "abc")
    derived = write_tables(content)
    draw_reports(content, derived, shown)
    return derived.summary


def read_rows(run_dir: Path) -> list[dict[str, str]]:
    with (run_dir / "results.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_all_reports_are_written(tmp_path: Path, make_record: Any, both_grades: Any, config: Any) -> None:
    """Tables, summary, pictures and the page; nothing half-written is left behind."""
    summary = write(tmp_path, config, [make_record()], both_grades("case-1", 1, 1))
    written = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert written == [
        "junit.xml", "ledger.csv", "plots/cost.png", "plots/latency.png", "plots/scorecard.png", "report.html",
        "results.csv", "summary.json",
    ]  # fmt: skip
    assert json.loads((tmp_path / "summary.json").read_text(encoding="utf-8")) == summary
    assert summary["config_sha256"] == "abc"
    assert (tmp_path / "plots" / "scorecard.png").read_bytes().startswith(b"\x89PNG")


def test_plots_and_page_can_be_left_out(tmp_path: Path, config: Any) -> None:
    """Without plots there is no folder for them."""
    write(tmp_path, config, [], shown=BARE)
    assert not (tmp_path / "plots").exists()
    assert not (tmp_path / "report.html").exists()


def test_a_picture_that_is_no_longer_true_is_taken_away(
    tmp_path: Path, make_record: Any, both_grades: Any, config: Any
) -> None:
    """Graded again and all passed: no picture of failures is left from before."""
    write(tmp_path, config, [make_record()], both_grades("case-1", 1, 0))
    assert (tmp_path / "plots" / "failures.png").exists()
    write(tmp_path, config, [make_record()], both_grades("case-1", 1, 1))
    assert not (tmp_path / "plots" / "failures.png").exists()


def test_paths_are_absolute_and_exist(tmp_path: Path, make_record: Any, config: Any, monkeypatch: Any) -> None:
    """From any working directory a path in the table opens; a file that is not there has no path."""
    monkeypatch.chdir(tmp_path)
    run_dir, data_dir = Path("run"), tmp_path / "data"
    (run_dir / "audio").mkdir(parents=True)
    (run_dir / "audio" / "out_1.wav").write_bytes(b"x")
    (data_dir / "audio").mkdir(parents=True)
    (data_dir / "audio" / "c.wav").write_bytes(b"x")
    config["mode"] = {"name": "walk", "data_csv": "data/walk.csv"}
    record = make_record(mode="walk", case=Case("c", "walk", {"audio_path": "audio/c.wav"}))
    gone = replace(record, case=Case("d", "walk", {"audio_path": "audio/gone.wav"}))
    write(run_dir, config, [record, gone], shown=BARE)
    first, second = read_rows(run_dir)
    assert first["output_audio_path"] == str(tmp_path / "run" / "audio" / "out_1.wav")
    assert first["audio_path"] == str(data_dir / "audio" / "c.wav")
    assert second["audio_path"] == ""


def test_a_run_without_a_name_is_called_like_its_folder(tmp_path: Path, config: Any) -> None:
    """`run_name` is never empty."""
    assert write(tmp_path, {**config, "run_name": None}, [], shown=BARE)["run_name"] == tmp_path.name
    assert write(tmp_path, config, [], shown=BARE)["run_name"] == "nightly"


def test_writing_again_changes_nothing(tmp_path: Path, make_record: Any, both_grades: Any, config: Any) -> None:
    """Reports are a function of records and grades: the same bytes every time."""
    for _ in range(2):
        write(tmp_path, config, [make_record()], both_grades("case-1", 1, 0))
        content = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    write(tmp_path, config, [make_record()], both_grades("case-1", 1, 0))
    assert content == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
