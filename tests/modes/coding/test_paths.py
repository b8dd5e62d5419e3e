"""Globs of `editable` mean what people think they mean."""

from __future__ import annotations

import pytest

from evalkit.modes.coding.paths import matches


@pytest.mark.parametrize(
    ("path", "glob", "expected"),
    [
        ("a.py", "a.py", True),
        ("a.py", "*.py", True),
        ("src/a.py", "*.py", False),
        ("src/a.py", "src/*.py", True),
        ("src/deep/a.py", "src/*.py", False),
        ("src/deep/a.py", "src/**", True),
        ("src/deep/a.py", "**/*.py", True),
        ("a.py", "**/*.py", True),
        ("axpy", "a.py", False),
        ("a1.py", "a?.py", True),
        ("a/.py", "a?.py", False),
        ("a.py\n", "a.py", False),
        ("[a].py", "[a].py", True),
    ],
)
def test_a_star_stays_in_its_folder(path: str, glob: str, expected: bool) -> None:
    """One star does not cross a folder, two do, and everything else is itself."""
    assert matches(path, glob) is expected
