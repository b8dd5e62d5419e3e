"""The workspace as one stream of bytes: written into the box before its command starts."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Collection, Mapping


def pack(files: Mapping[str, bytes], executable: Collection[str] = ()) -> bytes:
    """Return a tar of regular files; the names were checked by :class:`evalkit.sandbox.box.BoxJob`.

    Modes are 0644 and 0755, owner and time are nobody's: the same files give the same bytes.
    """
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mode = 0o755 if name in executable else 0o644
            tar.addfile(entry, io.BytesIO(content))
    return stream.getvalue()
