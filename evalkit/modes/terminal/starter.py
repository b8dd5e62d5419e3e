"""What ``evalkit new NAME mode=terminal`` writes: one small case, to be changed into one's own."""

from __future__ import annotations

from evalkit.modes.mode import Starter, StarterFile
from evalkit.settings.resources import resource_dir

_FOLDER = "terminal_starter"
_ABOUT = {
    "cases.csv": "the cases, a line for each; enabled=false leaves one out",
    "greeting.yaml": "one case: what the user asks, how it reacts, and what must hold afterwards",
}


def start_with_case() -> Starter:
    """Return a folder of cases with one in it."""
    template = resource_dir("data") / _FOLDER
    files = [StarterFile(f"cases/{name}", (template / name).read_bytes(), about) for name, about in _ABOUT.items()]
    return Starter("cases/cases.csv", files, own="agent=custom 'agent.argv=[myagent]'")
