"""What of this machine a box sees."""

import os
from pathlib import Path

import pytest

from evalkit.errors import SandboxError
from evalkit.sandbox.box import BoxJob
from evalkit.sandbox.readable import check_program, check_readable, find_masks


@pytest.mark.parametrize("program", ["sh", "/usr/bin/env", "/bin/sh", "/ws/out/program", "/box/program", "./program"])
def test_programs_that_are_there_or_come_with_the_job(program: str) -> None:
    """A program that only the box has is not looked for here."""
    check_program(BoxJob((program,)))


def test_a_program_that_is_missing_is_no_fault_of_a_candidate(tmp_path: Path) -> None:
    """Neither by name nor by path, nor in a folder that is brought in."""
    for job in (
        BoxJob(("no-such-program",)),
        BoxJob(("/usr/bin/no-such-program",)),
        BoxJob(("/opt/x/bin/x",), read_only={str(tmp_path): "/opt/x"}),
    ):
        with pytest.raises(SandboxError, match="install"):
            check_program(job)


def test_a_link_out_of_what_is_seen(tmp_path: Path) -> None:
    """It would be found missing only in the box; the message names where it leads."""
    outside = tmp_path / "outside"
    outside.touch()
    shown = tmp_path / "shown"
    shown.mkdir()
    (shown / "tool").symlink_to(outside)
    job = BoxJob(("/opt/shown/tool",), read_only={str(shown): "/opt/shown"})
    with pytest.raises(SandboxError, match=f"link to {outside}"):
        check_program(job)
    check_program(BoxJob(job.command, read_only={**job.read_only, str(tmp_path): "/opt/all"}))


def test_a_folder_that_the_dropped_user_cannot_reach(tmp_path: Path) -> None:
    """The message names the folder in the way, which may lie far above, and what to do."""
    open_folder = tmp_path / "closed" / "open"
    open_folder.mkdir(parents=True)
    (tmp_path / "closed").chmod(0o700)
    with pytest.raises(SandboxError, match=r"is closed to other users.*move it"):
        check_readable([str(open_folder)], as_other=True)
    check_readable([str(open_folder)], as_other=False)
    check_readable(["/usr", "/usr/bin/env"], as_other=True)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """Said before a box is started."""
    with pytest.raises(SandboxError, match="does not exist"):
        check_readable([f"{tmp_path}/no"], as_other=False)


@pytest.mark.skipif(os.getuid() == 0, reason="root can read everything")
def test_a_folder_that_we_cannot_read(tmp_path: Path) -> None:
    """An ordinary user's own closed folder."""
    tmp_path.chmod(0)
    with pytest.raises(SandboxError, match="cannot be read"):
        check_readable([str(tmp_path)], as_other=False)


def test_masks_are_where_a_hidden_folder_would_appear(tmp_path: Path) -> None:
    """In every folder that shows it, under the name it has in the box, links resolved; elsewhere there is none."""
    tasks = tmp_path / "shown" / "tasks"
    tasks.mkdir(parents=True)
    (tmp_path / "link").symlink_to(tasks)
    shown = {str(tmp_path / "shown"): "/box/shown", str(tmp_path): "/opt/all"}
    assert sorted(find_masks([str(tmp_path / "link")], shown)) == ["/box/shown/tasks", "/opt/all/shown/tasks"]
    assert list(find_masks([str(tasks), str(tmp_path / "no")], {})) == []
    assert list(find_masks(["/usr/lib"], {})) == ["/usr/lib"]
