"""Ends jobs on the cluster that this machine is a node of: ``python -m evalkit.compose.ray_cluster.stop NAME …``.

``RAY_ADDRESS`` names another cluster. The names are those that evalkit says when it leaves jobs running.
"""

from __future__ import annotations

import os
import sys

from evalkit.compose.ray_cluster.session import RaySession
from evalkit.compose.ray_cluster.words import ClusterChoice


def main() -> None:
    """End the jobs that the command line names."""
    address = os.environ.get("RAY_ADDRESS", "auto")
    init = {"address": address, "log_to_driver": False, "logging_level": "error"}
    RaySession(ClusterChoice(init, {})).stop(sys.argv[1:])


if __name__ == "__main__":
    main()
