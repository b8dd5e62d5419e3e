"""Folders of the lab that stand for addresses follow the storage, and it follows them."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from evalkit.errors import ConfigError, ObjectStorageError

pytest.importorskip("fsspec", reason="object storage needs the extra s3")

from evalkit.lab.stored_folders import StorageFollower, open_folder
from evalkit.object_storage.objects import ObjectStore


@pytest.fixture
def address() -> str:
    """An address that nobody has written to."""
    return f"memory://bucket-{uuid.uuid4().hex}/folder"


def test_what_is_uploaded_comes_over_and_what_people_add_goes_there(tmp_path: Path, address: str) -> None:
    """A lab that is read only uploads nothing."""
    store = ObjectStore(address)
    store.write("2026-01-02/run/journal.jsonl", b"{}\n")
    folder = open_folder(f"{address}/", tmp_path)
    follower = StorageFollower([tmp_path, folder], read_only=False)
    follower.look()
    run = folder / "2026-01-02" / "run"
    assert (run / "journal.jsonl").read_bytes() == b"{}\n"
    (run / "tags.jsonl").write_text("{}\n")
    StorageFollower([folder], read_only=True).look()
    assert store.read("2026-01-02/run/tags.jsonl") is None
    follower.look()
    assert store.read("2026-01-02/run/tags.jsonl") == b"{}\n"


def test_a_storage_that_is_away_is_logged_once(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And does not end the lab."""
    follower = StorageFollower([open_folder(address, tmp_path)], read_only=False)

    def fail(self: ObjectStore) -> None:
        raise ObjectStorageError(f"{self.address}: does not answer")

    monkeypatch.setattr(ObjectStore, "list_objects", fail)
    follower.look()
    follower.look()
    assert [record.message for record in caplog.records] == [f"{address}: does not answer"]


def test_it_starts_and_stops(tmp_path: Path, address: str) -> None:
    """Also without any address, when it has nothing to do."""
    ObjectStore(address).write("run/journal.jsonl", b"")
    folder = open_folder(address, tmp_path)
    for folders in ([folder], [tmp_path]):
        follower = StorageFollower(folders, read_only=True, every_s=0.01)
        follower.start()
        follower.stop()


def test_what_cannot_be_listed_is_said_at_once(tmp_path: Path) -> None:
    """A bad address, before anything is served."""
    with pytest.raises(ConfigError, match="is not an address on object storage"):
        open_folder("s3://x/../y", tmp_path)
