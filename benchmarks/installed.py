"""One answer for every script here to what is not installed: which package it is, and what installs it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

INSTALL = "pip install -e '.[local,dev]'"


@contextmanager
def missing_packages_named() -> Iterator[None]:
    """End the process with one line and exit code 2 where a package is missing for what stands in the block.

    What evalkit itself refuses, in this process or in one that was started, is told in its own words.
    """
    try:
        yield
    except ImportError as error:
        if (error.name or "").startswith("evalkit."):  # it is installed, and broken
            raise
        _end(f"{error.name or error} cannot be imported; what benchmarks need is installed with: {INSTALL}", 2)
    except subprocess.CalledProcessError as error:
        _end(str(error.stderr or error).strip(), error.returncode)
    except Exception as error:
        from evalkit.errors import UserError

        if not isinstance(error, UserError):
            raise
        _end("\n".join(error.problems), 2)


def _end(words: str, code: int) -> None:
    sys.stderr.write(f"{words}\n")
    sys.exit(code)
