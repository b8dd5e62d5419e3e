"""Boxes that keep in code nobody has read: what a box is asked, what it answers, and who can make one here."""

from evalkit.errors import SandboxError
from evalkit.sandbox.box import BoxJob, BoxLimits, BoxResult, Ending, Sandbox, SandboxReport
from evalkit.sandbox.finding import find_sandbox, probe

__all__ = [
    "BoxJob",
    "BoxLimits",
    "BoxResult",
    "Ending",
    "Sandbox",
    "SandboxError",
    "SandboxReport",
    "find_sandbox",
    "probe",
]
