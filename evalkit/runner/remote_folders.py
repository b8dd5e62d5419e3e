"""The door between addresses on object storage and everything else, which knows folders only.

A run that is to be kept at ``s3://bucket/folder`` is made in the local folder that stands for it and uploaded when it
ends, each job of a sweep when that ends. A command that is given an address gets the same folder, brought up to date
first; what it changed there is uploaded when it ends, however that comes.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path

from evalkit.clock import MonotonicClock
from evalkit.errors import ConfigError, ObjectStorageError
from evalkit.object_storage.addresses import checked_address, find_address, is_address, local_folder, mark_bucket
from evalkit.object_storage.local_copies import split_into_units
from evalkit.object_storage.objects import ObjectStore
from evalkit.object_storage.signs_of_life import living, require_nobody_else
from evalkit.object_storage.transfer import fetch, upload_all, upload_ledger, upload_unit
from evalkit.runner.run_ending import ExitCode, worst
from evalkit.runner.terminal import say
from evalkit.store.host import host_identity
from evalkit.store.run_directory import RunDirectory

_OUTPUT_FLAG = "--output"
_PAUSE_S = 60.0
"""For so long a process uploads no job after the storage has failed it: the end of the sweep tries again."""

_log = logging.getLogger(__name__)


def probe_output(output_dir: str) -> None:
    """Raise ConfigError where `output_dir` is an address that cannot be listed, written and read now."""
    if is_address(output_dir):
        try:
            ObjectStore(checked_address(output_dir)).probe()
        except (ConfigError, ObjectStorageError) as error:
            raise ConfigError(f"output_dir: {error}") from error


def output_folder(output_dir: str, working_dir: Path) -> Path:
    """Return the folder that runs are made in: `output_dir`, or what stands for it where that is an address."""
    if not is_address(output_dir):
        return Path(output_dir)
    return local_folder(checked_address(output_dir), working_dir)


def mark_output(output_dir: str, working_dir: Path) -> None:
    """Let the folder of :func:`output_folder` be known as what stands for `output_dir`, where that is an address."""
    if is_address(output_dir):
        mark_bucket(checked_address(output_dir), working_dir)


class AddressUse(StrEnum):
    """What a command does with an address: it reads, writes reports too, or goes on with what lies there."""

    READS = "reads"
    REPORTS = "reports"
    GOES_ON = "goes_on"


class Uploads:
    """What has become of the uploads of one directory; see :func:`uploading`."""

    def __init__(self) -> None:
        self.complete = True

    def judged(self, code: int) -> int:
        """Return the exit code of what ended with `code`, once its files have been uploaded or not."""
        return code if self.complete else int(worst([code, ExitCode.INFRASTRUCTURE]))


@contextmanager
def uploading(*folders: Path, working: bool = True) -> Iterator[Uploads]:
    """Upload, when the block ends in whatever way, all that was changed in `folders` that stand for addresses.

    `working`: until then other machines see that somebody works on them.
    """
    uploads = Uploads()
    with ExitStack() as stack:
        for address in filter(None, map(find_address, folders if working else ())):
            stack.enter_context(living(ObjectStore(address), host_identity()))
        try:
            yield uploads
        finally:
            kept = [_upload(folder) for folder in folders]
            uploads.complete = all(kept)


def upload_root(root: Path) -> None:
    """Upload the files of a sweep's root that stands for an address, so that the sweep can be taken up elsewhere.

    Raises ConfigError where the storage does not take them: nothing has begun.
    """
    if address := find_address(root):
        try:
            upload_unit(ObjectStore(address), root)
        except ObjectStorageError as error:
            raise ConfigError(f"output_dir: {error}") from error


class _Patience:
    """When this process may ask the storage again."""

    def __init__(self) -> None:
        self.not_before_s = 0.0


_patience = _Patience()


def upload_job(run_dir: Path) -> None:
    """Upload a job of a sweep that stands for an address; what is not taken, the end of the sweep tries again."""
    address = find_address(run_dir)
    if address is None or time.monotonic() < _patience.not_before_s:
        return
    try:
        store = ObjectStore(address)
        upload_unit(store, run_dir)
        upload_ledger(ObjectStore(address.rpartition("/")[0]), run_dir.parent)
    except (ConfigError, ObjectStorageError) as error:
        _patience.not_before_s = time.monotonic() + _PAUSE_S
        _log.warning("not uploaded yet: %s", error)


def call_with_folders(command: Callable[[Sequence[str]], int], args: Sequence[str], use: AddressUse) -> int:
    """Call a command with the folders that stand for the addresses among `args`; return its exit code.

    Raises ConfigError where an address cannot be read, or written where the command does that, or nothing lies there,
    or the command goes on with a run that a process elsewhere is working on.
    """
    words, folders = [], []
    before = ""
    for arg in args:
        flag, equals, value = arg.partition("=") if arg.startswith("--") else ("", "", arg)
        if is_address(value):
            folder = _bring(value, may_be_new=_OUTPUT_FLAG in (flag, before), use=use)
            folders.append(folder)
            words.append(f"{flag}{equals}{folder}")
        else:
            words.append(arg)
        before = arg
    if not folders:
        return command(args)
    is_working = use is AddressUse.GOES_ON
    with uploading(*(folders if use is not AddressUse.READS else ()), working=is_working) as uploads:
        code = command(words)
    return uploads.judged(code)


def _bring(text: str, *, may_be_new: bool, use: AddressUse) -> Path:
    """Return the local folder of an address, brought up to date. Raises ConfigError where that cannot be."""
    address = checked_address(text)
    folder = local_folder(address, Path.cwd())
    try:
        store = ObjectStore(address)
        if use is not AddressUse.READS:
            store.probe()
        if use is AddressUse.GOES_ON:
            require_nobody_else(store, host_identity(), MonotonicClock(), say, time.sleep)
        if not may_be_new and not split_into_units(store.list_objects()):
            if not folder.is_dir():
                raise ConfigError(f"{address}: nothing lies there; expected the address of a run or a sweep")
            say(f"{address}: nothing lies there; its local copy counts, {folder}")
        mark_bucket(address, Path.cwd())
        fetched = fetch(store, folder, _is_busy)
    except ObjectStorageError as error:
        raise ConfigError(str(error)) from error
    for half in fetched.half_uploaded:
        say(f"warning: {half}: its upload has not come to its end; it counts as running")
    return folder


def _is_busy(folder: Path) -> bool:
    return RunDirectory(folder).is_held()


def _upload(folder: Path) -> bool:
    """Upload what was changed in `folder`, and say what could not be; return whether all is there now."""
    address = find_address(folder)
    if address is None or not folder.is_dir():
        return True
    advice = f"it is kept in {folder}; upload it with: evalkit report {address}"
    try:
        problems = upload_all(ObjectStore(address), folder, _is_busy)
    except ConfigError as error:
        say(f"not uploaded: {error}; {advice}")
        return False
    except KeyboardInterrupt:
        say(f"{address}: interrupted before all of it was uploaded; {advice}")
        raise
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        say(f"not uploaded: {problems[0]}{more}; {advice}")
    return not problems
