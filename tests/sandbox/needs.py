"""What tests of boxes need of the machine, with the reason why they are skipped without it."""

from __future__ import annotations

import shutil
import sys

import pytest

from evalkit.errors import ConfigError
from evalkit.sandbox import find_sandbox


def why_no_bubblewrap() -> str | None:
    """Return why no box of bubblewrap can be made here, or None."""
    try:
        find_sandbox("bubblewrap")
    except ConfigError as error:
        return str(error)
    return None


_WHY = why_no_bubblewrap()
needs_bubblewrap = pytest.mark.skipif(_WHY is not None, reason=_WHY or "")
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="boxes are Linux's")
SYSTEM_PYTHON = shutil.which("python3", path="/usr/local/bin:/usr/bin")
