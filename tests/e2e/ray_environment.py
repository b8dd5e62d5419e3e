"""Ray and evalkit in an environment of their own: no requirement of Ray's can change what evalkit is tested with.

    python tests/e2e/ray_environment.py FOLDER        # makes it: half a gigabyte, half a minute

Tests find it through $EVALKIT_TEST_RAY, which names that folder, and are skipped, and say so, where it is not there.
evalkit and its own requirements are those of the interpreter that made it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from foreign_environment import ForeignEnvironment

RAY = ForeignEnvironment("ray", (("ray>=2.40,<3",),), "EVALKIT_TEST_RAY", "tests/e2e/ray_environment.py", has_ours=True)


if __name__ == "__main__":
    RAY.make(Path(sys.argv[1]))
