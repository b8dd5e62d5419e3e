"""Local copies and the storage follow each other, and nothing is lost whatever happens in between."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from pathlib import Path

import pytest

from evalkit.errors import ObjectStorageError

pytest.importorskip("fsspec", reason="object storage needs the extra s3")

from evalkit.object_storage.objects import ObjectStore
from evalkit.object_storage.transfer import CopyConflict, fetch, upload_all, upload_unit

_RUN = ("config.yaml", "provenance.json", "journal.jsonl", "records/a.json", "status.json", ".lock")


class _Recorded(ObjectStore):
    """Notes the order of writes, and fails from the n-th upload on."""

    def __init__(self, address: str, fail_from: int = 1000) -> None:
        super().__init__(address)
        self.written: list[str] = []
        self.fail_from = fail_from

    def upload(self, files: Mapping[str, Path]) -> None:
        if len(self.written) + len(files) > self.fail_from:
            raise ObjectStorageError(f"{self.address}: does not answer")
        super().upload(files)
        self.written += files

    def write(self, name: str, content: bytes) -> None:
        super().write(name, content)
        self.written.append(f"{name}*")


@pytest.fixture
def address() -> str:
    """An address that nobody has written to."""
    return f"memory://bucket-{uuid.uuid4().hex}/folder"


def _never(folder: Path) -> bool:
    return False


def _always(folder: Path) -> bool:
    return True


def _make(root: Path, names: tuple[str, ...] = _RUN, content: str = "{}") -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


def test_a_run_is_uploaded_in_an_order_that_misleads_nobody(tmp_path: Path, address: str) -> None:
    """Records before the journal that names them, the status last, locks never; then there is nothing to do."""
    store = _Recorded(address)
    run = _make(tmp_path / "run")
    assert upload_unit(store, run) == 5
    assert store.written[:2] == ["records/a.json", "journal.jsonl"]
    assert set(store.written[2:4]) == {"config.yaml", "provenance.json"}
    assert store.written[4:] == ["status.json"]
    assert upload_unit(store, run) == 0
    assert set(store.list_objects()) == {*_RUN} - {".lock"}


def test_a_run_that_is_uploaded_again_counts_as_running_meanwhile(tmp_path: Path, address: str) -> None:
    """The status that was there says so before anything else changes, and is put right at the end."""
    run = _make(tmp_path / "run")
    upload_unit(ObjectStore(address), run)
    (run / "journal.jsonl").write_text("{}\n{}\n")
    store = _Recorded(address)
    upload_unit(store, run)
    assert store.written == ["status.json*", "journal.jsonl", "status.json"]
    assert store.read("status.json") == b"{}"


def test_an_upload_that_broke_off_is_seen_by_others_and_ended_from_here(tmp_path: Path, address: str) -> None:
    """Elsewhere the run counts as running; here it is whole, is not fetched over, and is uploaded to its end."""
    run = _make(tmp_path / "run", content='{"status": "completed"}')
    upload_unit(ObjectStore(address), run)
    (run / "journal.jsonl").write_text("more\n")
    (run / "records" / "b.json").write_text("b")
    with pytest.raises(ObjectStorageError):
        upload_unit(_Recorded(address, fail_from=2), run)
    told = fetch(ObjectStore(address), tmp_path / "elsewhere", _never)
    assert told.half_uploaded == [address]
    assert json.loads((tmp_path / "elsewhere" / "status.json").read_bytes())["status"] == "running"
    assert fetch(ObjectStore(address), run, _never).files == 0
    assert (run / "journal.jsonl").read_text() == "more\n"
    upload_unit(ObjectStore(address), run)
    assert fetch(ObjectStore(address), tmp_path / "elsewhere", _never).half_uploaded == []
    for name in ("journal.jsonl", "records/b.json", "status.json"):
        assert (tmp_path / "elsewhere" / name).read_bytes() == (run / name).read_bytes()


def test_a_first_upload_that_broke_off_has_no_status(tmp_path: Path, address: str) -> None:
    """A reader finds no run that says how it ended; from here it is uploaded to its end."""
    run = _make(tmp_path / "run")
    with pytest.raises(ObjectStorageError):
        upload_unit(_Recorded(address, fail_from=4), run)
    assert "status.json" not in ObjectStore(address).list_objects()
    upload_unit(ObjectStore(address), run)
    assert "status.json" in ObjectStore(address).list_objects()


def test_only_what_changed_is_fetched(tmp_path: Path, address: str) -> None:
    """A copy that is up to date costs one listing; what another machine wrote comes over."""
    first, second = _make(tmp_path / "first"), tmp_path / "second"
    upload_unit(ObjectStore(address), first)
    assert fetch(ObjectStore(address), second, _never).files == 5
    assert fetch(ObjectStore(address), second, _never).files == 0
    (second / "report.html").write_text("page")
    upload_unit(ObjectStore(address), second)
    assert fetch(ObjectStore(address), first, _never).files == 2  # and the status, which was written again
    assert (first / "report.html").read_text() == "page"


def test_what_was_changed_on_both_sides_is_left_alone_and_said(tmp_path: Path, address: str) -> None:
    """Neither fetching nor uploading decides whose run counts; both stay as they are."""
    first, second = _make(tmp_path / "first"), tmp_path / "second"
    upload_unit(ObjectStore(address), first)
    fetch(ObjectStore(address), second, _never)
    (first / "journal.jsonl").write_text("first\n")
    (second / "journal.jsonl").write_text("second\n")
    upload_unit(ObjectStore(address), second)
    with pytest.raises(ObjectStorageError, match=r"was changed there and in its local copy .*first.*journal\.jsonl"):
        fetch(ObjectStore(address), first, _never)
    with pytest.raises(ObjectStorageError, match="somebody has written it since it was fetched"):
        upload_unit(ObjectStore(address), first)
    assert (first / "journal.jsonl").read_text() == "first\n"
    assert ObjectStore(address).read("journal.jsonl") == b"second\n"


def test_one_run_that_nobody_can_decide_about_keeps_no_other_back(tmp_path: Path, address: str) -> None:
    """What else lies there comes over; then the conflict is said."""
    store, folder = ObjectStore(address), tmp_path / "all"
    for name in ("a", "b", "c"):
        upload_unit(store.below(name), _make(tmp_path / name))
    fetch(store, folder, _never)
    for name in ("a", "b", "c"):
        (tmp_path / name / "journal.jsonl").write_text("new\n")
        upload_unit(store.below(name), tmp_path / name)
    (folder / "b" / "journal.jsonl").write_text("mine\n")
    with pytest.raises(CopyConflict, match=f"{address}/b: was changed there"):
        fetch(store, folder, _never)
    assert [(folder / name / "journal.jsonl").read_text() for name in "abc"] == ["new\n", "mine\n", "new\n"]


def test_a_sweeps_root_never_stands_in_the_way(tmp_path: Path, address: str) -> None:
    """Its files follow from its jobs and are taken from the storage; of two ledgers the longer one counts."""
    first, second = _make(tmp_path / "first", ("plan.json", "index.jsonl", ".quota/spent/m.jsonl")), tmp_path / "second"
    upload_unit(ObjectStore(address), first)
    fetch(ObjectStore(address), second, _never)
    for folder, lines in ((first, 3), (second, 2)):
        (folder / "index.jsonl").write_text(f"{lines}")
        (folder / ".quota" / "spent" / "m.jsonl").write_text("{}\n" * lines)
    upload_unit(ObjectStore(address), second)
    fetch(ObjectStore(address), first, _never)
    assert (first / "index.jsonl").read_text() == "2"
    assert (first / ".quota" / "spent" / "m.jsonl").read_text() == "{}\n" * 3


def test_a_run_that_is_being_written_here_is_left_alone(tmp_path: Path, address: str) -> None:
    """Fetching passes over it, and so does uploading."""
    run = _make(tmp_path / "run")
    upload_unit(ObjectStore(address), run)
    (run / "journal.jsonl").write_text("more\n")
    assert upload_all(ObjectStore(address), run, _always) == []
    assert fetch(ObjectStore(address), run, _always).files == 0
    assert ObjectStore(address).read("journal.jsonl") == b"{}"


def test_what_was_wiped_there_is_uploaded_again(tmp_path: Path, address: str) -> None:
    """A copy that is here is never removed for want of one there."""
    run = _make(tmp_path / "run")
    upload_unit(ObjectStore(address), run)
    for name in ObjectStore(address).list_objects():
        ObjectStore(address).remove(name)
    assert fetch(ObjectStore(address), run, _never).files == 0
    assert upload_all(ObjectStore(address), run, _never) == []
    assert "records/a.json" in ObjectStore(address).list_objects()


def test_a_sweep_is_uploaded_job_by_job_and_gives_up_after_three(tmp_path: Path, address: str) -> None:
    """Each job that failed is told; a storage that is gone is not asked ten thousand times."""
    names = tuple(f"{number}_x/{name}" for number in range(5) for name in _RUN)
    sweep = _make(tmp_path / "sweep", ("plan.json", "index.jsonl", *names))
    assert upload_all(ObjectStore(address), sweep, _never) == []
    assert len(ObjectStore(address).list_objects()) == 2 + 5 * 5
    for number in range(5):
        (sweep / f"{number}_x" / "journal.jsonl").write_text("more\n")
    store = _Recorded(address)
    store.below = lambda name: _Recorded(f"{address}/{name}", fail_from=0)  # type: ignore[method-assign]
    assert len(upload_all(store, sweep, _never)) == 3


def test_a_name_that_leads_elsewhere_is_not_fetched(tmp_path: Path, address: str) -> None:
    """Whoever can write to the bucket cannot write beside the copy."""
    store = ObjectStore(address)
    store.write("status.json", b"{}")
    store.write("records/../../../evil.json", b"x")
    fetch(store, tmp_path / "a" / "b", _never)
    assert not list(tmp_path.rglob("evil.json"))
