"""Which files belong on the storage, and to which run."""

from __future__ import annotations

from pathlib import Path

from evalkit.object_storage.local_copies import (
    CopyState,
    FileState,
    Synced,
    find_units,
    read_state,
    scan,
    split_into_units,
    write_state,
)

_SWEEP = (
    "plan.json", "index.jsonl", "plots/sweep.png", ".quota/spent/m.jsonl", "0_a/status.json", "0_a/.hydra/config.yaml",
    "0_a/files/case/status.json", "0_a/files/case/plan.json", "1_b/.hydra/config.yaml", "1_b/evalkit.log",
)  # fmt: skip
_NEVER = (
    ".jobs/0.json", ".jobs/0.lock", ".quota/slots/1.json", ".submitit/1/1_submitted.pkl", "0_a/.lock",
    "0_a/.results.csv.12.partial", "0_a/.fetched/status.json", ".evalkit-probe-0123456789ab", "0_a/.alive.json",
)  # fmt: skip


def _make(root: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)


def test_a_sweep_and_its_jobs_are_units(tmp_path: Path) -> None:
    """What a case has left in a job, whatever it is called, is part of the job."""
    _make(tmp_path, (*_SWEEP, *_NEVER))
    assert find_units(tmp_path) == [tmp_path / "0_a", tmp_path / "1_b", tmp_path]
    assert set(scan(tmp_path)) == {"plan.json", "index.jsonl", "plots/sweep.png", ".quota/spent/m.jsonl"}
    assert set(scan(tmp_path / "0_a")) == {
        "status.json", ".hydra/config.yaml", "files/case/status.json", "files/case/plan.json",
    }  # fmt: skip


def test_objects_fall_into_the_same_units() -> None:
    """A listing is split as the folder is, also where the address is that of many runs."""
    split = split_into_units([*_SWEEP, *_NEVER])
    assert {unit: sorted(names) for unit, names in split.items()} == {
        "": [".quota/spent/m.jsonl", "index.jsonl", "plan.json", "plots/sweep.png"],
        "0_a": [".hydra/config.yaml", "files/case/plan.json", "files/case/status.json", "status.json"],
        "1_b": [".hydra/config.yaml", "evalkit.log"],
    }
    deeper = split_into_units([f"sweeps/x/{name}" for name in _SWEEP] + ["2026-01-02/run/journal.jsonl"])
    assert set(deeper) == {"sweeps/x", "sweeps/x/0_a", "sweeps/x/1_b", "2026-01-02/run"}


def test_links_are_not_followed(tmp_path: Path) -> None:
    """What lies elsewhere on this machine is not uploaded."""
    _make(tmp_path, ("status.json",))
    (tmp_path / "passwd").symlink_to("/etc/passwd")
    assert set(scan(tmp_path)) == {"status.json"}


def test_what_is_known_is_kept(tmp_path: Path) -> None:
    """A state reads back as written; a broken one, or one of another version, knows nothing."""
    state = CopyState({"a": Synced("v1", FileState(3, 4)), "b": Synced("v2", FileState(0, 1))}, "pending")
    write_state(tmp_path, state)
    assert read_state(tmp_path) == state
    (tmp_path / ".uploaded.json").write_text('{"format": 99}')
    assert read_state(tmp_path) == CopyState()
    (tmp_path / ".uploaded.json").write_text("{")
    assert read_state(tmp_path) == CopyState()
