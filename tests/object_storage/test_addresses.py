"""What an address is, which folder stands for it, and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.errors import ConfigError
from evalkit.object_storage.addresses import (
    checked_address,
    find_address,
    is_address,
    local_folder,
    mark_bucket,
    shown,
)


@pytest.mark.parametrize("text", ["s3://bucket", "gs://bucket/folder", "memory://x/y"])
def test_addresses_are_told_from_folders(text: str) -> None:
    """What has a scheme is an address, a folder of any name is none."""
    assert is_address(text)
    assert not any(map(is_address, ("outputs", "/data/s3", "a=s3://bucket", "C:\\runs", "s3:/bucket")))


def test_slashes_at_the_end_do_not_count() -> None:
    """An address has one form."""
    assert checked_address("s3://bucket/a/b//") == "s3://bucket/a/b"
    assert checked_address("s3://bucket/") == "s3://bucket"


@pytest.mark.parametrize(
    "text",
    [
        "s3://",
        "s3:///folder",
        "s3://bucket/../other",
        "s3://bucket/a b",
        "s3://bucket/*",
        "s3://bucket//x",
        "s3://bucket/a?b",
    ],
)
def test_what_is_no_address_is_named(text: str) -> None:
    """Two dots, wildcards, blanks and empty names would mean something else to one side or the other."""
    with pytest.raises(ConfigError, match="is not an address on object storage; expected SCHEME://BUCKET/FOLDER"):
        checked_address(text)


def test_a_key_in_an_address_is_not_repeated() -> None:
    """Who writes a key there is told where keys come from, without it."""
    with pytest.raises(ConfigError) as told:
        checked_address("s3://AKIACANARY:secret-canary@bucket/folder")
    assert "canary" not in str(told.value).lower()
    assert "environment" in str(told.value)


def test_a_folder_knows_what_it_stands_for(tmp_path: Path) -> None:
    """Also a run deep below it, from any process, and after the working directory has changed."""
    folder = mark_bucket("s3://bucket/mine", tmp_path)
    assert folder == local_folder("s3://bucket/mine", tmp_path) == tmp_path / "outputs/object_storage/s3/bucket/mine"
    run = folder / "2026-01-02" / "run"
    run.mkdir(parents=True)
    assert find_address(run) == shown(run) == "s3://bucket/mine/2026-01-02/run"
    assert find_address(tmp_path) is None
    assert shown(tmp_path) == str(tmp_path)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A file lies where the folder should be."""
    (tmp_path / "outputs").write_text("")
    with pytest.raises(ConfigError, match="the local copy of s3://bucket/mine cannot be made here"):
        mark_bucket("s3://bucket/mine", tmp_path)
