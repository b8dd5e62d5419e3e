"""Which machine this is, so that an address or a process number is used only where it means something."""

from __future__ import annotations

import socket
from functools import cache
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@cache
def host_identity() -> str:
    """Return a name of this machine since it was started; containers on one machine have names of their own."""
    try:
        boot = _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:  # not Linux: the name alone
        boot = ""
    return f"{socket.gethostname()}:{boot}"
