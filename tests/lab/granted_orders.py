"""Hooks of schemathesis: of the orders that it invents for a lab that may launch, some can be granted.

Invented ids and overrides are refused at the door. So every second order is about a run, a sweep or a launch that there
is, and its overrides are those in ``GRANTED_OVERRIDES``. ``ASKED_LAB`` is the lab's address.
"""

from __future__ import annotations

import json
import os
import random
from typing import Any

import httpx2
import schemathesis

LAB = os.environ["ASKED_LAB"]
GRANTED = json.loads(os.environ["GRANTED_OVERRIDES"])
_ANOTHER = {"rerun": ["seed=2"], "resume": ["concurrency=2"], "retry-api-errors": ["limits.grace_s=1"]}
_rng = random.Random(1)


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Make every second order one that can be granted."""
    if _rng.random() < 0.5:
        return
    for name in case.path_parameters or {}:
        if there_are := _list_ids(name):
            case.path_parameters[name] = _rng.choice(there_are)
    if isinstance(case.body, dict):
        last = case.operation.path.rpartition("/")[2]
        case.body |= {"overrides": _ANOTHER.get(last, GRANTED), "line": None, "rerun": None, "multirun": False}
        case.body |= {"changed": None, "response_text": None}


def _list_ids(name: str) -> list[str]:
    with httpx2.Client(base_url=LAB, trust_env=False, timeout=20) as client:
        if name == "launch_id":
            return [launch["id"] for launch in client.get("/launches").json()]
        if name == "run_id":
            runs = [run["id"] for run in client.get("/runs").json()["runs"]]
            return runs + [launch["run_id"] for launch in client.get("/launches").json()]
        if name == "sweep_id":
            pages = [launch["url"] or "" for launch in client.get("/launches").json()]
            return [page.rpartition("/")[2] for page in pages if page.startswith("/ui/sweeps/")]
    return []
