"""File descriptors of one box: every one that was opened is closed, whatever happens in between."""

from __future__ import annotations

import os
from types import TracebackType


class Descriptors:
    """Descriptors that are closed when the block ends; none is inherited by a process that did not ask for it."""

    def __init__(self) -> None:
        self._open: set[int] = set()

    def __enter__(self) -> Descriptors:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for descriptor in tuple(self._open):
            self.close(descriptor)

    def keep(self, descriptor: int) -> int:
        """Take over an open descriptor."""
        self._open.add(descriptor)
        return descriptor

    def pipe(self) -> tuple[int, int]:
        """Return a new pipe: the end to read from, and the end to write to."""
        ends = os.pipe()
        self._open.update(ends)
        return ends

    def memory(self, content: bytes) -> int:
        """Return a descriptor that reads as `content`; it is no file anywhere."""
        descriptor = self.keep(os.memfd_create("evalkit", os.MFD_CLOEXEC))
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(content)
        os.lseek(descriptor, 0, os.SEEK_SET)
        return descriptor

    def close(self, descriptor: int) -> None:
        """Close a descriptor that is still open here; closing one twice does nothing."""
        if descriptor in self._open:
            self._open.remove(descriptor)
            os.close(descriptor)
