"""Which paths a job may name."""

import pytest

from evalkit.sandbox.paths import check_folder_inside, check_inside, check_relative

REFUSED = ["", "/", "/etc/passwd", "..", "../x",
           "a/../b", "a/..", "./a", "a/.", "a//b", "a/", "a\nb", "a\0b", "\x1b[2J",
           "\x7f", "x" * 256, "a/" * 600 + "b", "\ud800"]  # fmt: skip


@pytest.mark.parametrize("path", REFUSED)
def test_paths_that_lead_elsewhere(path: str) -> None:
    """Nothing absolute, nothing with dots, nothing a program on the way could misread."""
    with pytest.raises(ValueError, match="path"):
        check_relative([path])


@pytest.mark.parametrize(
    "path", ["a", "a/b.py", "..a", "a..", "-rf", "ü/漢", "a b", "a\\b", "$HOME", "`id`", "x" * 255]
)
def test_paths_that_stay(path: str) -> None:
    """Odd names are names."""
    check_relative([path])


def test_a_file_is_no_folder() -> None:
    """Two files of which one would have to be the other's folder."""
    with pytest.raises(ValueError, match="'a/b' is both"):
        check_relative(["a/b", "a/b/c"])
    check_relative(["a/b", "a/bc"])


def test_inside_a_folder() -> None:
    """The folder itself, and one whose name only begins like it, are not inside."""
    check_inside("/box", ["/box/a", "/box/b/c"])
    for path in ("/box", "/boxes/a", "box/a"):
        with pytest.raises(ValueError, match="not below /box"):
            check_inside("/box", [path])


@pytest.mark.parametrize("inside", ["/ws", "/ws/a", "/tmp/x", "/proc", "/dev/shm", "/etc/ssl", "/", "/a/../b", "a"])
def test_places_that_the_box_needs_itself(inside: str) -> None:
    """A folder of the machine takes no place of the box's own."""
    with pytest.raises(ValueError, match=r"path|placed|absolute"):
        check_folder_inside("/opt", inside)
    check_folder_inside("/opt", "/box/node_modules")
    check_folder_inside("/opt", "/opt")
