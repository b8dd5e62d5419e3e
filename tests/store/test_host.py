"""A machine has one name."""

from __future__ import annotations

import socket
import subprocess
import sys

from evalkit.store.host import host_identity


def test_every_process_of_a_machine_calls_it_the_same() -> None:
    """So that what one leaves, another finds; and no two machines do, whose names differ."""
    code = "from evalkit.store.host import host_identity; print(host_identity())"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert other == host_identity()
    assert host_identity().startswith(f"{socket.gethostname()}:")
