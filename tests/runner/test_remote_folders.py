"""The door between addresses and folders: what commands get, what is uploaded when they end, and which code tells."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

import pytest

from evalkit.errors import ConfigError, ObjectStorageError

pytest.importorskip("fsspec", reason="object storage needs the extra s3")

from evalkit.object_storage.objects import ObjectStore
from evalkit.runner import remote_folders
from evalkit.runner.remote_folders import (
    AddressUse,
    call_with_folders,
    mark_output,
    output_folder,
    probe_output,
    upload_job,
    upload_root,
    uploading,
)
from evalkit.store.host import host_identity


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An address that nobody has written to, and a working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(remote_folders, "_patience", remote_folders._Patience())
    return f"memory://bucket-{uuid.uuid4().hex}/folder"


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The storage takes no file."""

    def fail(self: ObjectStore, *_: object) -> None:
        raise ObjectStorageError(f"{self.address}: does not answer")

    monkeypatch.setattr(ObjectStore, "upload", fail)


def _do_nothing(args: Sequence[str]) -> int:
    return 0


def _made(address: str) -> Path:
    mark_output(address, Path.cwd())
    run = output_folder(address, Path.cwd()) / "run"
    run.mkdir()
    (run / "status.json").write_text("{}")
    return run


def test_a_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    """Nothing is asked, marked or uploaded."""
    probe_output("outputs")
    assert output_folder("outputs", tmp_path) == Path("outputs")
    with uploading(tmp_path) as uploads:
        pass
    assert uploads.judged(0) == 0
    upload_job(tmp_path)
    upload_root(tmp_path)


def test_what_was_made_is_uploaded_when_the_block_ends_however_it_does(address: str) -> None:
    """An interruption loses nothing."""
    run = _made(address)
    with pytest.raises(KeyboardInterrupt), uploading(run):
        raise KeyboardInterrupt
    assert ObjectStore(f"{address}/run").read("status.json") == b"{}"


@pytest.mark.usefixtures("broken")
def test_what_was_not_uploaded_is_said_and_changes_the_code(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    """3, unless it ended worse; where it is kept, and what uploads it."""
    run = _made(address)
    with uploading(run) as uploads:
        pass
    assert [uploads.judged(code) for code in (0, 1, 4, 70, 130)] == [3, 3, 3, 70, 130]
    told = capsys.readouterr().err
    assert told == (
        f"evalkit: not uploaded: {address}/run: does not answer; it is kept in {run}; "
        f"upload it with: evalkit report {address}/run\n"
    )


@pytest.mark.usefixtures("broken")
def test_a_job_that_cannot_be_uploaded_ends_no_sweep(address: str) -> None:
    """Nor does it hold up the jobs behind it: the storage is left alone for a while. A root must be there at first."""
    run = _made(address)
    upload_job(run)
    assert remote_folders._patience.not_before_s > 0
    with pytest.raises(ConfigError, match=r"output_dir: .*does not answer"):
        upload_root(run)


def test_a_job_and_what_was_spent_are_uploaded(address: str) -> None:
    """Whoever goes on elsewhere knows how much is left."""
    run = _made(address)
    (run.parent / ".quota" / "spent").mkdir(parents=True)
    (run.parent / ".quota" / "spent" / "m.jsonl").write_text("{}\n")
    upload_job(run)
    assert set(ObjectStore(address).list_objects()) == {"run/status.json", ".quota/spent/m.jsonl"}


def test_a_command_gets_folders_for_addresses(address: str) -> None:
    """Brought up to date before, uploaded after; flags with a value too; other words stay."""
    ObjectStore(address).write("run/status.json", b"{}")
    seen: list[str] = []

    def command(args: Sequence[str]) -> int:
        seen.extend(args)
        (Path(args[0]) / "report.html").write_text("page")
        return 1

    assert (
        call_with_folders(command, [f"{address}/run/", "gate.x=1", f"--rerun={address}/run"], AddressUse.REPORTS) == 1
    )
    folder = output_folder(address, Path.cwd()) / "run"
    assert seen == [str(folder), "gate.x=1", f"--rerun={folder}"]
    assert ObjectStore(address).read("run/report.html") == b"page"


def test_a_command_that_only_reads_changes_nothing_there(address: str) -> None:
    """Not even what the copy has and the storage has not."""
    run = _made(address)
    ObjectStore(address).write("run/journal.jsonl", b"")
    assert call_with_folders(_do_nothing, [f"{address}/run"], AddressUse.READS) == 0
    assert (run / "journal.jsonl").exists()
    assert set(ObjectStore(address).list_objects()) == {"run/journal.jsonl"}


def test_nothing_there_is_said(address: str) -> None:
    """But for where a command makes something."""
    with pytest.raises(ConfigError, match="nothing lies there; expected the address of a run or a sweep"):
        call_with_folders(_do_nothing, [address], AddressUse.READS)

    def command(args: Sequence[str]) -> int:
        Path(args[1]).mkdir(parents=True, exist_ok=True)
        (Path(args[1]) / "index.jsonl").write_text("")
        return 0

    assert call_with_folders(command, ["--output", f"{address}/set"], AddressUse.REPORTS) == 0
    assert set(ObjectStore(address).list_objects()) == {"set/index.jsonl"}


def test_an_address_that_cannot_be_used_is_a_problem_of_output_dir() -> None:
    """Its key is named."""
    with pytest.raises(ConfigError, match="output_dir: "):
        probe_output("nosuch://bucket")


def test_whoever_goes_on_shows_it_and_is_kept_from_it_by_others(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another machine's process is a reason to refuse, with its name; one's own sign is gone at the end."""
    store = ObjectStore(f"{address}/run")
    store.write("status.json", b"{}")
    seen: list[bytes | None] = []

    def command(args: Sequence[str]) -> int:
        until = time.monotonic() + 10
        while store.read(".alive.json") is None and time.monotonic() < until:
            time.sleep(0.01)
        seen.append(store.read(".alive.json"))
        return 0

    assert call_with_folders(command, [store.address], AddressUse.GOES_ON) == 0
    assert json.loads(seen[0] or b"")["host"] == host_identity()
    assert store.read(".alive.json") is None
    store.write(".alive.json", b'{"host": "other:1"}')
    monkeypatch.setattr("time.sleep", lambda _: store.write(".alive.json", b'{"host": "other:1", "count": 1}'))
    with pytest.raises(ConfigError, match="a process on other works on it"):
        call_with_folders(command, [store.address], AddressUse.GOES_ON)
    assert call_with_folders(_do_nothing, [store.address], AddressUse.REPORTS) == 0
