"""The index is what the directories are: after each change, for copies, deletions, cut-off runs and people's marks."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import stored_runs
from labs import make_lab

from evalkit.lab.index.reading import RunChange, RunReader
from evalkit.lab.index.rows import RunQuery, RunRow
from evalkit.lab.index.writing import IndexWriter
from evalkit.lab.lab import Lab
from evalkit.lab.people.notes import add_note
from evalkit.lab.people.tags import add_tag, remove_tag
from evalkit.store.run_directory import RunStatus


def _rows(lab: Lab) -> dict[str, RunRow]:
    return {row.root.name: row for row in lab.index.list_runs(RunQuery(size=100)).rows}


def test_runs_appear_change_and_go(tmp_path: Path) -> None:
    """And the version grows with each change, and with nothing else."""
    lab = make_lab(tmp_path)
    out = lab.settings.folders[0]
    versions = [lab.index.version()]
    run = stored_runs.write_crawl(out / "day" / "one", passing=(True,), case_trials=["order-1", "order-lost", "more"])
    lab.follower.catch_up()
    assert _rows(lab)["one"].passed == 1
    versions.append(lab.index.version())
    lab.follower.catch_up()
    assert lab.index.version() == versions[-1]
    stored_runs.store_trial(run, stored_runs.make_call("more"), {"tool_call": 1.0, "tool_call_args": 1.0})
    lab.follower.catch_up()
    assert _rows(lab)["one"].passed == 2
    versions.append(lab.index.version())
    shutil.rmtree(run.root)
    lab.follower.catch_up()
    assert _rows(lab) == {}
    assert lab.index.case_history("more").total == 0
    versions.append(lab.index.version())
    assert versions == sorted(set(versions))


def test_a_copy_has_an_id_of_its_own_and_counts_nowhere_twice(tmp_path: Path) -> None:
    """The directory whose path sorts first keeps the run's id; when it goes, the copy takes its place."""
    lab = make_lab(tmp_path)
    out = lab.settings.folders[0]
    original = stored_runs.write_crawl(out / "b", run_id="ab" * 16).root
    lab.follower.catch_up()
    assert _rows(lab)["b"].id == "abababababababab"
    shutil.copytree(original, out / "c")
    shutil.copytree(original, out / "a")
    lab.follower.catch_up()
    rows = _rows(lab)
    assert rows["a"].id == "abababababababab"
    assert rows["b"].id != rows["c"].id
    assert rows["b"].id.startswith("abababababab-")
    assert lab.index.find_root("ab" * 16) == out / "a"
    assert lab.index.case_history("order-1").total == 1
    assert [row.tries for row in lab.index.list_model_cases(rows["a"].case_set)] == [1, 1, 1]
    shutil.rmtree(out / "a")
    lab.follower.catch_up()
    assert _rows(lab)["b"].id == "abababababababab"
    assert lab.index.list_model_cases(rows["a"].case_set)[0].run_ids == ("abababababababab",)


def test_two_folders_with_the_same_run_at_the_same_place(tmp_path: Path) -> None:
    """Are two directories with two ids."""
    stored_runs.write_crawl(tmp_path / "x" / "run", run_id="cd" * 16)
    for name in ("y", "z"):
        shutil.copytree(tmp_path / "x" / "run", tmp_path / name / "run")
    lab = make_lab(tmp_path, *(tmp_path / name for name in "xyz"))
    ids = [row.id for row in lab.index.list_runs(RunQuery()).rows]
    assert len(set(ids)) == 3
    assert all(lab.index.get_run(run_id) for run_id in ids)


def test_a_run_that_is_killed_is_cut_off_and_one_that_goes_on_runs(tmp_path: Path) -> None:
    """Although nothing in its files says that it was killed."""
    lab = make_lab(tmp_path)
    out = lab.settings.folders[0]
    run = stored_runs.write_crawl(out / "run", status=RunStatus.RUNNING, case_trials=["order-1", "order-2", "more"])
    with run.exclusive():
        run.journal_start("more", 1)
        lab.follower.catch_up()
        row = _rows(lab)["run"]
        assert (row.status, row.is_live) == ("running", True)
        assert [trial.key for trial in lab.index.list_trials(row.id, ending="running").rows] == ["more"]
    lab.follower.catch_up()
    assert _rows(lab)["run"].status == "cut_off"
    assert lab.index.list_trials(row.id, ending="running").total == 0
    with run.exclusive():
        run.journal_resumption(planned=3)
        lab.follower.catch_up()
        assert _rows(lab)["run"].status == "running"


def test_the_next_lab_reads_only_what_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the index holds is trusted as long as the files are those that were read."""
    stored_runs.write_samples(tmp_path / "outputs")
    make_lab(tmp_path).index.close()
    read: list[Path] = []
    monkeypatch.setattr("evalkit.lab.index.follower.RunReader.read", lambda reader: read.append(reader.root))
    again = make_lab(tmp_path)
    assert read == []
    assert len(_rows(again)) == 4


def test_what_people_add_is_indexed(tmp_path: Path) -> None:
    """Tags, notes, and how many; the one who adds need not wait."""
    lab = make_lab(tmp_path)
    root = stored_runs.write_crawl(lab.settings.folders[0] / "run").root
    lab.follower.catch_up()
    add_tag(root, "baseline", "ann")
    add_note(root, "The line crackles", "ann")
    lab.follower.look_at(root)
    row = _rows(lab)["run"]
    assert (row.tags, row.notes) == (("baseline",), 1)
    assert lab.index.list_runs(RunQuery(text="crackles")).total == 1
    assert lab.index.list_runs(RunQuery(tag="baseline")).total == 1
    remove_tag(root, "baseline", "ann")
    lab.follower.look_at(root)
    assert _rows(lab)["run"].tags == ()
    assert lab.index.list_tags() == []


def test_what_was_left_unsummed_is_summed_up_later(tmp_path: Path) -> None:
    """By the next look, or by the next lab when the one before was killed."""
    lab = make_lab(tmp_path)
    root = stored_runs.write_crawl(lab.settings.folders[0] / "run").root
    lab.follower.catch_up()
    case_set = _rows(lab)["run"].case_set
    with lab.index.engine.begin() as connection:
        IndexWriter(connection).remove_runs([root])
        connection.exec_driver_sql(
            "UPDATE evalkit_lab SET value = ? WHERE name = 'unsummed'", (f'[["{case_set}","model-a"]]',)
        )
    lab.index.close()
    again = make_lab(tmp_path)
    assert [row.tries for row in again.index.list_model_cases(case_set)] == [1, 1, 1]
    shutil.rmtree(root)
    again.follower.catch_up()
    assert again.index.list_model_cases(case_set) == []


def test_one_directory_that_cannot_be_read_or_written_keeps_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong with it is said in its row."""
    out = tmp_path / "outputs"
    for name in ("bad", "large", "good"):
        stored_runs.write_crawl(out / name)
    read = RunReader.read

    def read_badly(reader: RunReader) -> RunChange:
        if reader.root.name == "bad":
            raise ZeroDivisionError("by chance")
        change = read(reader)
        return replace(change, values={**change.values, "planned": 2**80}) if reader.root.name == "large" else change

    monkeypatch.setattr(RunReader, "read", read_badly)
    for name in ("bad", "large"):
        os.utime(out / name, (1e9, 1e9))
    rows = _rows(make_lab(tmp_path))
    assert [rows[name].status for name in ("bad", "large", "good")] == ["damaged", "damaged", "completed"]
    assert rows["bad"].trouble == "ZeroDivisionError by chance"
    assert rows["large"].trouble


def test_an_unfinished_run_belongs_to_the_set_of_its_cases(tmp_path: Path) -> None:
    """As soon as some run has tried them all, and only where what it tried is the same."""
    lab = make_lab(tmp_path)
    out = lab.settings.folders[0]
    keys = ["order-1", "order-2", "order-lost"]
    part = stored_runs.write_crawl(out / "part", passing=(True,), case_trials=keys)
    lab.follower.catch_up()
    alone = _rows(lab)["part"].case_set
    stored_runs.write_crawl(out / "whole")
    lab.follower.catch_up()
    rows = _rows(lab)
    assert rows["part"].case_set == rows["whole"].case_set != alone
    assert {row.tries for row in lab.index.list_model_cases(rows["whole"].case_set)} == {1, 2}
    assert lab.index.list_model_cases(alone) == []
    assert part.root.name == "part"


def test_a_directory_that_only_begins_is_not_shown_as_damaged(tmp_path: Path) -> None:
    """A run writes its config before its provenance; only one that stays so is damaged."""
    lab = make_lab(tmp_path)
    root = lab.settings.folders[0] / "run"
    (root / "records").mkdir(parents=True)
    (root / "config.yaml").write_text("mode: {name: crawl}\n", encoding="utf-8")
    lab.follower.catch_up()
    assert _rows(lab) == {}
    os.utime(root, (1e9, 1e9))
    lab.follower.catch_up()
    row = _rows(lab)["run"]
    assert (row.status, row.id[0], len(row.id)) == ("damaged", "x", 16)
    assert row.trouble == "holds no provenance.json; the lab needs a directory that a run wrote"


def _wait_for(holds: Callable[[], bool], at_most_s: float) -> float:
    begun_s = time.monotonic()
    while not holds():
        assert time.monotonic() - begun_s < at_most_s
        time.sleep(0.01)
    return time.monotonic() - begun_s


def test_its_thread_sees_what_happens_within_a_second(tmp_path: Path) -> None:
    """A run that comes, goes on, and ends; and it stops when it is told to."""
    lab = make_lab(tmp_path)
    lab.follower.start()
    out = lab.settings.folders[0]
    try:
        run = stored_runs.write_crawl(
            out / "day" / "run", passing=(), status=RunStatus.RUNNING, case_trials=["order-lost", "a"]
        )
        with run.exclusive():
            _wait_for(lambda: "run" in _rows(lab), 5)
            run.journal_start("a", 1)
            waited_s = _wait_for(lambda: lab.index.list_trials(_rows(lab)["run"].id, ending="running").total == 1, 5)
        assert waited_s < 3
        assert _wait_for(lambda: _rows(lab)["run"].status == "cut_off", 5) < 3
    finally:
        begun_s = time.monotonic()
        lab.follower.stop()
    assert time.monotonic() - begun_s < 2


def test_the_newest_runs_come_first_and_much_to_read_keeps_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look reads for a bounded time; the next ones read the rest."""
    lab = make_lab(tmp_path)
    stored_runs.write_samples(lab.settings.folders[0])
    monkeypatch.setattr("evalkit.lab.index.follower._BATCH_S", 0.0)
    monkeypatch.setattr("evalkit.lab.index.follower._COMMIT_S", 0.0)
    seen = []
    for _ in range(4):
        lab.follower._look_at_all(thorough=False)
        seen.append([row.mode for row in lab.index.list_runs(RunQuery()).rows])
    assert seen[0] == ["terminal"]
    assert seen[1] == ["terminal", "coding"]
    assert len(seen[3]) == 4


def test_who_has_changed_a_run_is_not_kept_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the follower is busy with something else."""
    monkeypatch.setattr("evalkit.lab.index.follower._LOOK_WAIT_S", 0.0)
    lab = make_lab(tmp_path)
    with lab.follower._lock:
        lab.follower.look_at(tmp_path)
