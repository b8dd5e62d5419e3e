"""Keys taken out of what a provider says: of whole texts, and of streams whose chunks end anywhere."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable
from urllib.parse import quote

MIN_SECRET_CHARACTERS = 8
"""Shorter keys are those of servers that want none (``none``, ``EMPTY``): they are words, and are left alone."""
PLACEHOLDER = "[key]"


class KeyFilter:
    """Replaces secrets by ``[key]``, also where they are URL-quoted, or escaped as in JSON or HTML.

    Args:
        secrets: The keys; those shorter than :data:`MIN_SECRET_CHARACTERS` are left alone.

    """

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form.encode() for secret in secrets if len(secret) >= MIN_SECRET_CHARACTERS for form in _forms(secret)}
        self._forms = sorted(forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile(b"|".join(map(re.escape, self._forms))) if forms else None
        self._beginnings = {form[:length] for form in forms for length in range(1, len(form))}

    def text(self, text: str) -> str:
        """Return `text` without any secret."""
        if self._pattern is None:
            return text
        return self._pattern.sub(PLACEHOLDER.encode(), text.encode(errors="surrogatepass")).decode(
            errors="surrogatepass"
        )

    def bytes(self, content: bytes) -> bytes:
        """Return `content` without any secret."""
        return content if self._pattern is None else self._pattern.sub(PLACEHOLDER.encode(), content)

    def stream(self) -> FilteredStream:
        """Return a filter for one stream."""
        return FilteredStream(self._pattern, self._forms, self._beginnings)


class FilteredStream:
    """One stream without secrets: what it gives is what :meth:`KeyFilter.bytes` would give of the whole.

    Only the end of a chunk that may be the beginning of a secret is held back until the next one.
    """

    def __init__(self, pattern: re.Pattern[bytes] | None, forms: list[bytes], beginnings: set[bytes]) -> None:
        self._pattern = pattern
        self._beginnings = beginnings
        self._longest = len(forms[0]) if forms else 0
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """Return what can be passed on once `chunk` has come."""
        if self._pattern is None:
            return chunk
        content, passed = self._held + chunk, []
        position = 0
        while True:
            open_at = self._find_open(content, position)
            found = self._pattern.search(content, position)
            if found is None or found.start() >= open_at:
                break
            passed += [content[position : found.start()], PLACEHOLDER.encode()]
            position = found.end()
        passed.append(content[position:open_at])
        self._held = content[open_at:]
        return b"".join(passed)

    def finish(self) -> bytes:
        """Return the rest, when nothing more will come."""
        held, self._held = self._held, b""
        return held if self._pattern is None else self._pattern.sub(PLACEHOLDER.encode(), held)

    def _find_open(self, content: bytes, position: int) -> int:
        """Return where the end of `content` begins that may be the beginning of a secret."""
        for start in range(max(position, len(content) - self._longest + 1), len(content)):
            if content[start:] in self._beginnings:
                return start
        return len(content)


def _forms(secret: str) -> Iterable[str]:
    in_json = json.dumps(secret)[1:-1]
    return secret, in_json, in_json.replace("/", r"\/"), quote(secret, safe=""), quote(secret), html.escape(secret)
