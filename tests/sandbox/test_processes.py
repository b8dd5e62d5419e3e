"""What processes of a box use."""

import os
import subprocess
import sys
from pathlib import Path

from boxes.needs import needs_linux

from evalkit.sandbox.processes import count_files, find_descendants, is_fuller, measure_memory

pytestmark = needs_linux
MIB = 1024 * 1024
FORKING = """
import os, sys
held = bytearray(64 << 20)
for _ in range(4):
    if os.fork() == 0:
        sys.stdin.read()
        os._exit(0)
print('ready', flush=True)
sys.stdin.read()
"""


def test_descendants_and_their_memory() -> None:
    """Children of children are found; shared pages count once as soon as it matters, and processes that ended not."""
    with subprocess.Popen([sys.executable, "-c", FORKING], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert process.pid in find_descendants(os.getpid())
        assert len(find_descendants(process.pid)) == 5
        quick = measure_memory(process.pid, 10_000 * MIB)
        exact = measure_memory(process.pid, 200 * MIB)
        assert quick > 5 * 60 * MIB
        assert 64 * MIB < exact < 150 * MIB
        assert measure_memory(process.pid, 10_000 * MIB, without_root=True) < quick
        process.communicate(b"")
    assert find_descendants(process.pid) == [process.pid]
    assert measure_memory(process.pid, 1) == 0


def test_files_of_a_file_system() -> None:
    """Asked through a process; one that is gone has none."""
    assert count_files(os.getpid(), ("/proc/self",)) >= 0
    assert count_files(2**22 + 1, ("/",)) == 0


def test_a_folder_is_measured_without_following_links(tmp_path: Path) -> None:
    """Blocks and names count, links count as themselves."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_bytes(os.urandom(100_000))
    (tmp_path / "out").symlink_to("/usr")
    assert is_fuller(tmp_path, most_bytes=90_000, most_files=100)
    assert is_fuller(tmp_path, most_bytes=MIB, most_files=2)
    assert not is_fuller(tmp_path, most_bytes=MIB, most_files=3)
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(100 * MIB)
    assert not is_fuller(tmp_path, most_bytes=MIB, most_files=10)
