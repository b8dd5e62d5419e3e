"""What a job and its limits may be."""

from typing import Any

import pytest

from evalkit.sandbox.box import BoxJob, BoxLimits


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"command": ()}, "needs a command"),
        ({"command": ("",)}, "needs a command"),
        ({"command": ("a\0b",)}, "NUL"),
        ({"workspace": {"../x": b""}}, "'../x'"),
        ({"workspace": {"a": b""}, "executable_paths": frozenset({"b"})}, "'b', which is not in the workspace"),
        ({"files": {"/ws/x": b""}}, "not below /box"),
        ({"files": {"/box/../x": b""}}, "'..'"),
        ({"read_only": {"relative": "/opt/x"}}, "not absolute"),
        ({"read_only": {"/opt/x": "/proc/x"}}, "nothing can be placed"),
        ({"collect": "/ws/out"}, "without empty parts"),
        ({"collect": "../out"}, "'..'"),
        ({"environment": {"A=B": "x"}}, "no name"),
        ({"environment": {"A": "\0"}}, "NUL"),
    ],
)
def test_what_a_job_may_not_be(fields: dict[str, Any], says: str) -> None:
    """A job that could reach outside its box is refused before anything is started."""
    with pytest.raises(ValueError, match=says):
        BoxJob(**({"command": ("true",)} | fields))


def test_no_limit_is_nothing() -> None:
    """A forgotten unit or a zero does not make a box without limits."""
    with pytest.raises(ValueError, match="wall_s is 0"):
        BoxLimits(wall_s=0)
    with pytest.raises(ValueError, match="data_bytes is -1"):
        BoxLimits(data_bytes=-1)
