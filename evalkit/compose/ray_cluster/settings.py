"""What the settings of the launcher ``ray`` may not say, and whether the cluster that they name is there."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Mapping
from typing import Any

_CONNECT_S = 3.0
_SECRET = re.compile(r"key|token|secret|password|credential", re.IGNORECASE)


def find_ray_problems(settings: Mapping[str, Any]) -> Iterator[str]:
    """Yield a message for a cluster that is not there, and what would pay twice or write a secret into a log."""
    ray = settings.get("ray") or {}
    address = (ray.get("init") or {}).get("address")
    if not is_listening(address):
        yield (
            f"hydra.launcher.ray.init.address: nobody listens at {address}; expected the address of a Ray cluster that "
            "runs, as `ray start` says it, auto on one of its nodes, or null to start one here"
        )
    retries = (ray.get("remote") or {}).get("max_retries", 0)
    if retries != 0:
        yield (
            f"hydra.launcher.ray.remote.max_retries: {retries!r} is not allowed; expected 0: Ray would run a job again "
            "whatever it had done; how often a job goes to another node after its own has died is "
            "hydra.launcher.max_takeovers"
        )
    for part in ("init", "remote"):
        environment = (ray.get(part) or {}).get("runtime_env") or {}
        for name in environment.get("env_vars") or () if isinstance(environment, Mapping) else ():
            if _SECRET.search(str(name)):
                yield (
                    f"hydra.launcher.ray.{part}.runtime_env.env_vars.{name}: Ray writes the value into its logs; set "
                    f"the variable where you start evalkit, and name it: hydra.launcher.environment=[{name}]"
                )


def is_listening(address: str | None) -> bool:
    """Tell whether anybody listens at HOST:PORT; Ray itself tries for a minute. True where it cannot be known."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if not (host and port.isdigit()):
        return True
    try:
        socket.create_connection((host, int(port)), timeout=_CONNECT_S).close()
    except OSError:
        return False
    return True
