"""What a process of a pretended node runs (nodes.py): it becomes the node, then does as its arguments say.

``NAME SOCKET PORT begin ROOT OVERRIDE…`` plans a sweep; ``NAME SOCKET PORT job ROOT NUMBER LOST_AFTER_S`` runs one of
its jobs, as a launcher's worker does; ``NAME SOCKET PORT evalkit …`` is the command. What listens at the file SOCKET is
reached at PORT of the node's own loopback, which is all the network that it has.
"""

from __future__ import annotations

import fcntl
import socket
import struct
import sys
import threading
from contextlib import suppress
from pathlib import Path

_SIOCSIFFLAGS, _IFF_UP = 0x8914, 0x1


def become_node(name: str, path: str, port: int) -> None:
    """Take the node's name, and let its loopback lead to the socket at `path`."""
    socket.sethostname(name)
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _IFF_UP))
    listener = socket.create_server(("127.0.0.1", port))
    threading.Thread(target=_relay, args=(listener, path), daemon=True).start()


def _relay(listener: socket.socket, path: str) -> None:
    while True:
        near, _ = listener.accept()
        far = socket.socket(socket.AF_UNIX)
        far.connect(path)
        threading.Thread(target=_pass_on, args=(near, far), daemon=True).start()
        threading.Thread(target=_pass_on, args=(far, near), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while content := source.recv(65536):
            target.sendall(content)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def begin(root: Path, *overrides: str) -> int:
    """Plan a sweep into `root`."""
    from evalkit.compose.planning import plan
    from evalkit.runner.jobs import packaged_source
    from evalkit.runner.sweep import begin_sweep

    planned = plan(overrides, packaged_source(), multirun=True)
    root.mkdir()
    begin_sweep(planned, root, working_dir=Path.cwd(), config_sha256=["-"] * len(planned.jobs))
    return 0


def run(root: Path, number: int, lost_after_s: float) -> int:
    """Run a job of the sweep in `root`."""
    from evalkit.runner.execution import exit_code_of
    from evalkit.runner.job import run_job
    from evalkit.runner.jobs import Destination
    from evalkit.runner.stored_plan import read_plan
    from evalkit.store.run_directory import RunDirectory
    from evalkit.store.running_jobs import RunningJobs

    stored = read_plan(root)
    job = stored.plan.jobs[number]
    run_dir = root / job.directory_name
    place = Destination(run_dir, stored.working_dir, in_sweep=True, in_worker=True, lost_after_s=lost_after_s)
    with RunningJobs(root).running(number):
        run_job(job, place)
    return exit_code_of(RunDirectory(place.run_dir))


def main(name: str, path: str, port: str, what: str, *args: str) -> int:
    """Become the node, and do it."""
    become_node(name, path, int(port))
    if what == "begin":
        return begin(Path(args[0]), *args[1:])
    if what == "job":
        return run(Path(args[0]), int(args[1]), float(args[2]))
    from evalkit.cli import main as command

    sys.argv = ["evalkit", *args]
    return command()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
