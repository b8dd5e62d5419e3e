"""Secrets of a lab: its token and sessions, of which only hashes are stored, and what a page sends with a change."""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
from collections.abc import Callable
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from typing import Any

from evalkit.errors import ConfigError

SESSION_S = 30 * 24 * 3600
_FILE = "access.json"
_SESSIONS = 1000


class Access:
    """The secrets of one lab, in its home, so that they outlive it. Safe from several threads.

    Args:
        home: The lab's own folder, which is made.
        demanded: Nobody comes in without the token.
        now: The time in seconds since 1970.

    Attributes:
        csrf: What a page must send with each change, in a header: that it can tell shows that it is one of ours.
        demanded: As given.

    """

    def __init__(self, home: Path, *, demanded: bool = False, now: Callable[[], float] = time.time) -> None:
        self.demanded = demanded
        self._path = home / _FILE
        self._now = now
        self._lock = threading.Lock()
        stored = self._read()
        self.csrf: str = stored.get("csrf") or secrets.token_urlsafe(32)
        self._token: str = stored.get("token_sha256") or ""
        self._sessions: dict[str, float] = dict(stored.get("sessions") or {})
        if "csrf" not in stored:
            self._write()

    def has_token(self) -> bool:
        """Tell whether a token was made, now or earlier."""
        return bool(self._token)

    def make_token(self) -> str:
        """Return a new token, which is told nowhere else. The one before it and its sessions are worth nothing now."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._token, self._sessions = _hash(token), {}
            self._write()
        return token

    def is_token(self, text: str) -> bool:
        """Tell whether `text` is the token."""
        return bool(self._token) and compare_digest(_hash(text), self._token)

    def open_session(self) -> str:
        """Return what a browser keeps instead of the token, good for `SESSION_S` seconds."""
        session = secrets.token_urlsafe(32)
        with self._lock:
            now = self._now()
            alive = [(key, ends) for key, ends in self._sessions.items() if ends > now]
            self._sessions = {**dict(alive[-_SESSIONS + 1 :]), _hash(session): now + SESSION_S}
            self._write()
        return session

    def is_session(self, text: str) -> bool:
        """Tell whether `text` is a session that has not ended."""
        return self._sessions.get(_hash(text), 0.0) > self._now()

    def close_session(self, text: str) -> None:
        """End the session `text`, where it is one."""
        with self._lock:
            if self._sessions.pop(_hash(text), None) is not None:
                self._write()

    def _read(self) -> dict[str, Any]:
        try:
            stored = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise ConfigError(f"{self._path} cannot be read ({error}); delete it, and a new token is made") from error
        return stored if isinstance(stored, dict) else {}

    def _write(self) -> None:
        content = json.dumps({"csrf": self.csrf, "token_sha256": self._token, "sessions": self._sessions})
        partial = self._path.with_name(f".{_FILE}.{os.getpid()}.partial")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(content)
        partial.replace(self._path)


def _hash(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
