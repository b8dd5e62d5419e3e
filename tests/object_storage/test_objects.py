"""Objects by name, and what goes wrong with them in one sentence that quotes nobody."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from evalkit.errors import ConfigError, ObjectStorageError

pytest.importorskip("fsspec", reason="object storage needs the extra s3")

from evalkit.object_storage.objects import ObjectStore, find_output_problem

CANARY = "AKIACANARY"


class ClientError(Exception):
    """As botocore raises it: the code in `response`, and words that may quote a key."""

    def __init__(self, code: str) -> None:
        super().__init__(f"An error occurred ({code}): {CANARY}")
        self.response = {"Error": {"Code": code, "Message": CANARY}}


class NoCredentialsError(Exception):
    """By its name."""


class EndpointConnectionError(Exception):
    """By its name."""


@pytest.fixture
def store() -> ObjectStore:
    """Objects in memory."""
    return ObjectStore(f"memory://bucket-{uuid.uuid4().hex}/folder")


def test_objects_are_written_listed_read_and_removed(store: ObjectStore, tmp_path: Path) -> None:
    """Names are relative to the address; another version means another content."""
    assert store.list_objects() == {}
    assert store.read("a/b") is None
    store.write("a/b", b"1")
    first = store.list_objects()
    assert (set(first), first["a/b"].size_bytes) == ({"a/b"}, 1)
    store.write("a/b", b"2")
    assert store.list_objects()["a/b"].version != first["a/b"].version
    (tmp_path / "c").write_bytes(b"3")
    store.below("a").upload({"c": tmp_path / "c"})
    store.download(["a/b", "a/c"], tmp_path / "down")
    assert [(tmp_path / "down" / name).read_bytes() for name in ("a/b", "a/c")] == [b"2", b"3"]
    store.remove("a/b")
    assert set(store.list_objects()) == {"a/c"}


def test_a_probe_leaves_nothing(store: ObjectStore) -> None:
    """It writes, reads and removes."""
    store.probe()
    assert store.list_objects() == {}


@contextmanager
def _failing(store: ObjectStore, error: Exception, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        for name in ("find", "cat_file", "pipe_file", "put", "get", "ls"):
            patched.setattr(store._files, name, fail)
        yield


def _translated(code: str, kind: type[OSError]) -> Exception:
    """Return an error as s3fs makes it of the library's."""
    error = kind(f"words of the server: {CANARY}")
    error.__cause__ = ClientError(code)
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (_translated("NoSuchBucket", FileNotFoundError), "there is no bucket"),
        (
            _translated("AccessDenied", PermissionError),
            "cannot be written with this key (AccessDenied); it needs the rights",
        ),
        (_translated("InvalidAccessKeyId", PermissionError), "does not accept the key (InvalidAccessKeyId)"),
        (_translated("SignatureDoesNotMatch", PermissionError), "does not accept the key (SignatureDoesNotMatch)"),
        (NoCredentialsError(CANARY), "no key was found for its endpoint (NoCredentialsError)"),
        (EndpointConnectionError(CANARY), "does not answer (EndpointConnectionError)"),
        (TimeoutError(CANARY), "does not answer (TimeoutError)"),
        (_translated("SlowDown", OSError), "cannot be written (SlowDown)"),
        (RuntimeError(CANARY), "cannot be written (RuntimeError)"),
    ],
)
def test_every_failure_is_one_sentence_without_a_word_of_the_storages(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    """Where, what, and what to do; a key that a server quotes is not passed on, in no cause either."""
    with _failing(store, error, monkeypatch), pytest.raises(ObjectStorageError) as told:
        store.write("a", b"")
    message = str(told.value)
    assert message.startswith(f"{store.address}: ")
    assert words in message
    assert CANARY not in message
    assert "\n" not in message
    assert told.value.__cause__ is None
    assert told.value.__suppress_context__


def test_a_listing_of_a_bucket_that_is_not_there_is_not_an_empty_one(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a wrong name would look like a folder without runs."""
    with (
        _failing(store, _translated("NoSuchBucket", FileNotFoundError), monkeypatch),
        pytest.raises(ObjectStorageError, match="there is no bucket"),
    ):
        store.list_objects()


def test_an_endpoint_is_shown_without_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some write it into the address."""
    pytest.importorskip("s3fs", reason="needs the extra s3")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://me:{CANARY}@127.0.0.1:9/x")
    store = ObjectStore("s3://bucket/folder")
    with (
        _failing(store, EndpointConnectionError(), monkeypatch),
        pytest.raises(ObjectStorageError, match=r"http://127\.0\.0\.1:9 does not answer") as told,
    ):
        store.list_objects()
    assert CANARY not in str(told.value)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("nosuch://bucket", "'nosuch' is not a storage that fsspec knows"),
        ("file://tmp/x", "write the folder itself, without file://"),
    ],
)
def test_a_scheme_that_cannot_be_used_is_named(address: str, words: str) -> None:
    """Before anything is asked."""
    with pytest.raises(ConfigError, match=words):
        ObjectStore(address)


def test_without_the_extra_one_line_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither fsspec nor s3fs is there."""
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(ConfigError, match=r"pip install '\.\[s3\]'"):
        ObjectStore("s3://bucket/folder")


def test_what_is_wrong_is_known_without_asking() -> None:
    """A bad address, and a scheme that nobody knows; a folder is none of them."""
    assert find_output_problem("outputs") is None
    assert find_output_problem("memory://bucket/x") is None
    assert "output_dir: 's3://x/../y': is not an address" in str(find_output_problem("s3://x/../y"))
    assert "'nosuch' is not a storage" in str(find_output_problem("nosuch://bucket"))
