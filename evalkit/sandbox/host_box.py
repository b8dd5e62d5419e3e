"""Boxes in a temporary folder of this machine, for where no namespace can be had: kept in by sandlock, or by nothing.

A program finds its folders elsewhere than in a box of bubblewrap. ``/ws``, ``/box`` and ``/tmp`` are therefore replaced
in its command and environment, and it starts in its workspace as it does there.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import evalkit
from evalkit.errors import SandboxError
from evalkit.sandbox.box import BoxJob, BoxLimits, BoxResult
from evalkit.sandbox.bubblewrap import DROPPED_ID, PATH, is_dropping_root
from evalkit.sandbox.collecting import read_regular
from evalkit.sandbox.descriptors import Descriptors
from evalkit.sandbox.keeper import Kept
from evalkit.sandbox.lock_step import LockStep
from evalkit.sandbox.pipes import BoxEnds, open_pipes
from evalkit.sandbox.readable import check_program, check_readable, find_masks
from evalkit.sandbox.starting import ANNOUNCE, RUN, limit_lines
from evalkit.sandbox.watch import BoxWatch, StartedBox

_INSIDE = re.compile(r"(?<![\w./-])/(ws|box|tmp)(?![\w.-])")
_ANSWERING = 'exec 3<&0 4>"$1"; EVALKIT_PIPES=3,4; export EVALKIT_PIPES\n'
# What a program may read beside /usr, as far as it is there.
_READABLE = ("/usr", "/bin", "/lib", "/lib32", "/lib64", "/etc/alternatives", "/etc/ld.so.cache", "/etc/ssl", "/proc",
             "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")  # fmt: skip
_WRITABLE = ("/dev/null", "/dev/zero", "/dev/full")
_REFUSED = ("memfd_create", "memfd_secret", "io_uring_setup", "userfaultfd", "bpf", "perf_event_open", "keyctl",
            "add_key", "ptrace", "process_vm_readv", "process_vm_writev", "unshare", "setns", "mount")  # fmt: skip


class HostBox:
    """Runs jobs in temporary folders."""

    def __init__(self, name: str, *, confined: bool) -> None:
        self._name = name
        self._confined = confined

    @property
    def name(self) -> str:
        """``sandlock``, which confines, or ``none``, which does not."""
        return self._name

    def run(self, job: BoxJob, limits: BoxLimits, requests: Sequence[bytes] | None = None) -> BoxResult:
        """Run `job`; see :class:`evalkit.sandbox.box.Sandbox`."""
        lock_step = None if requests is None else LockStep(requests, limits.output_bytes)
        drop = is_dropping_root()
        check_program(job)
        check_readable(job.read_only, as_other=drop)
        with _folder(job, drop=drop, answering=requests is not None) as folder, Descriptors() as descriptors:
            box = self._start(job, limits, folder, descriptors, answering=requests is not None)
            try:
                result = BoxWatch(box, descriptors, limits, lock_step, job.collect_bytes).watch()
            finally:
                box.bury()
            if job.collect is None or result.exit_code != 0:
                return result
            return replace(result, collected=read_regular(folder / "ws", job.collect, job.collect_bytes))

    def _start(
        self, job: BoxJob, limits: BoxLimits, folder: Path, descriptors: Descriptors, *, answering: bool
    ) -> StartedBox:
        """Start a keeper, which starts the command once it has given up its rights."""
        ours, theirs = open_pipes(descriptors, answering=False, collecting=False)
        fifo = folder / "answers"
        held = None
        if answering:  # sandlock passes on the three standard streams only: requests come through the first of them
            answers = descriptors.keep(os.open(fifo, os.O_RDONLY | os.O_NONBLOCK))
            held = descriptors.keep(os.open(fifo, os.O_WRONLY))
            ours = replace(ours, archive_to=None, requests_to=ours.archive_to, answers_from=answers)
        marker = secrets.token_hex(16)
        script = (
            (_ANSWERING if answering else "") + "shift\n" + limit_lines(limits, count_processes=False) + ANNOUNCE + RUN
        )
        told = Kept(
            command=["/bin/sh", "-c", script, "box", str(fifo), marker, *(_move(part, folder) for part in job.command)],
            environment=_environment(job, folder),
            workspace=str(folder / "ws"),
            parent=os.getpid(),
            drop_to=DROPPED_ID if is_dropping_root() else None,
            sandlock=_confinement(job, limits, folder) if self._confined else None,
        )
        settings = descriptors.memory(json.dumps(asdict(told)).encode())
        process = _open_keeper(settings, theirs)
        try:
            theirs.close(descriptors)
            root = descriptors.keep(os.pidfd_open(process.pid))
        except BaseException:
            process.terminate()
            process.wait()
            raise
        return StartedBox(
            process, process.pid, root, marker.encode(), b"", ours,
            has_status=False, gently=True, folders=(), folder=folder, held=held,
        )  # fmt: skip


def _open_keeper(settings: int, theirs: BoxEnds) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", "-B", str(Path(__file__).with_name("keeper.py")), str(settings)]
    try:
        return subprocess.Popen(
            command,
            stdin=theirs.stdin,
            stdout=theirs.stdout,
            stderr=theirs.stderr,
            pass_fds=(settings,),
            env={"HOME": "/"},
            cwd="/",
        )
    except OSError as error:
        raise SandboxError(f"{sys.executable} cannot be started: {error.strerror or error}") from None


def _move(text: str, folder: Path) -> str:
    """Return a text with the folders of a box replaced by those below `folder`."""
    return _INSIDE.sub(lambda found: f"{folder}/{found[1]}", text)


def _environment(job: BoxJob, folder: Path) -> dict[str, str]:
    own = {"PATH": PATH, "HOME": str(folder / "tmp"), "TMPDIR": str(folder / "tmp"), "LANG": "C.UTF-8"}
    return own | {name: _move(value, folder) for name, value in job.environment.items()}


def _confinement(job: BoxJob, limits: BoxLimits, folder: Path) -> dict[str, Any]:
    """Return what sandlock is told: what may be read and written, what not, how many processes."""
    sources = {os.path.realpath(source): os.path.realpath(source) for source in job.read_only}
    readable = [path for path in (*_READABLE, *sources, f"{folder}/box") if Path(path).exists()]
    own = [str(folder / name) for name in ("ws", "tmp", "answers") if (folder / name).exists()]
    return {
        "fs_readable": readable,
        "fs_writable": [*own, *_WRITABLE],
        "fs_denied": list(find_masks((*job.hidden, str(Path(evalkit.__file__).parent)), sources)),
        "max_processes": limits.processes,
        "extra_deny_syscalls": list(_REFUSED),
        "no_coredump": True,
    }


@contextlib.contextmanager
def _folder(job: BoxJob, *, drop: bool, answering: bool) -> Iterator[Path]:
    """Make the folder with all that the job brings, and remove it when everything is gone."""
    folder = Path(tempfile.mkdtemp(prefix="evalkit-box-"))
    try:
        for name in ("ws", "tmp", "box"):
            (folder / name).mkdir()
        for path, content in job.workspace.items():
            _write(folder / "ws" / path, content, 0o755 if path in job.executable_paths else 0o644)
        for name, content in job.files.items():
            _write(folder / name.removeprefix("/"), content, 0o555)
        for source, inside in job.read_only.items():
            _link(folder, os.path.realpath(source), inside)
        if answering:
            os.mkfifo(folder / "answers", 0o600)
        if drop:
            folder.chmod(0o711)
            for given in (folder / "tmp", folder / "ws", *(folder / "ws").rglob("*"), *folder.glob("answers")):
                os.chown(given, DROPPED_ID, DROPPED_ID, follow_symlinks=False)
        yield folder
    finally:
        _remove(folder)


def _write(path: Path, content: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)


def _link(folder: Path, source: str, inside: str) -> None:
    """Have a folder of this machine stand where the job wants it, as far as a link can do that."""
    if inside.startswith("/box/"):
        place = folder / inside.removeprefix("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(source)
    elif os.path.realpath(inside) != source:
        raise SandboxError(f"without bubblewrap {source} cannot stand at {inside}, only at its own place or below /box")


def _remove(folder: Path) -> None:
    """Remove a folder that a stranger has filled: of any depth, with any modes, following no link."""
    remove = ["rm", "-rf", "--", str(folder)]
    if subprocess.run(remove, stderr=subprocess.DEVNULL, check=False).returncode != 0:
        subprocess.run(["chmod", "-R", "u+rwX", "--", str(folder)], stderr=subprocess.DEVNULL, check=False)
        subprocess.run(remove, stderr=subprocess.DEVNULL, check=False)
