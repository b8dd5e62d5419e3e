"""A lab's secrets: told once, stored as hashes, good for as long as they should be."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import pytest

from evalkit.errors import ConfigError
from evalkit.lab.guard.access import SESSION_S, Access


def test_no_secret_that_opens_the_lab_is_stored(tmp_path: Path) -> None:
    """Whoever reads its file cannot log in: neither the token nor a session stands there."""
    access = Access(tmp_path, demanded=True)
    token, session = access.make_token(), access.open_session()
    stored = (tmp_path / "access.json").read_text(encoding="utf-8")
    assert token not in stored
    assert session not in stored
    assert not access.is_token(json.loads(stored)["token_sha256"])


@pytest.mark.skipif(sys.platform == "win32", reason="no such rights there")
def test_only_its_owner_reads_its_file(tmp_path: Path) -> None:
    """Whatever the umask allows."""
    before = os.umask(0)
    try:
        Access(tmp_path).make_token()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "access.json").stat().st_mode) == 0o600


def test_it_outlives_the_lab(tmp_path: Path) -> None:
    """A page that was open, and a browser that was logged in, go on after a restart."""
    before = Access(tmp_path, demanded=True)
    token, session = before.make_token(), before.open_session()
    after = Access(tmp_path, demanded=True)
    assert after.has_token()
    assert after.is_token(token)
    assert after.is_session(session)
    assert after.csrf == before.csrf


def test_a_new_token_ends_what_the_old_one_opened(tmp_path: Path) -> None:
    """That is what it is for."""
    access = Access(tmp_path)
    old, session = access.make_token(), access.open_session()
    new = access.make_token()
    assert access.is_token(new)
    assert not access.is_token(old)
    assert not access.is_session(session)


def test_a_session_ends(tmp_path: Path) -> None:
    """After its time, or when it is closed; both survive a restart."""
    now = [1000.0]
    access = Access(tmp_path, now=lambda: now[0])
    closed, old = access.open_session(), access.open_session()
    access.close_session(closed)
    assert not Access(tmp_path, now=lambda: now[0]).is_session(closed)
    now[0] += SESSION_S - 1
    assert access.is_session(old)
    now[0] += 1
    assert not access.is_session(old)


@pytest.mark.parametrize("guess", ["", "x", "é", "\udcff", "a" * 10_000])
def test_a_guess_is_no_secret(tmp_path: Path, guess: str) -> None:
    """Also none while there is no token at all."""
    access = Access(tmp_path)
    assert not access.is_token(guess)
    access.make_token()
    access.open_session()
    assert not access.is_token(guess)
    assert not access.is_session(guess)


def test_a_file_that_is_broken_is_told(tmp_path: Path) -> None:
    """With its path, and what becomes of it; it is not silently a lab without a token."""
    (tmp_path / "access.json").write_text("{", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"access\.json cannot be read .*delete it"):
        Access(tmp_path)
