"""The roles that a model can have in a run. Each is a node of the run config with a `provider` and a `model`."""

from __future__ import annotations

ROLES = ("assistant", "simulator", "judge", "speech")
