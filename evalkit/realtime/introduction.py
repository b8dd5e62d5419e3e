"""How a session says whose it is, to a server on this machine: one header of the handshake. No I/O.

The embedded provider commits faults by case and attempt, and a replayed run is found by them; neither can be told from
a handshake otherwise. Nothing is said to servers elsewhere: they see the protocol's own headers and no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from evalkit.settings.hosts import is_this_machine

HEADER = "evalkit-session"


@dataclass(frozen=True)
class Introduction:
    """Whose session it is.

    Attributes:
        case: The case-trial's file name.
        attempt: Counted from 1.
        seed: Of the case-trial.

    """

    case: str
    attempt: int
    seed: int

    def headers(self, url: str, source: str) -> Mapping[str, str]:
        """Return the header for the session of `source` at `url`; nothing for a server that is not on this machine."""
        if not is_this_machine(url):
            return {}
        return {HEADER: f"{source}/{self.attempt}/{self.seed}/{quote(self.case, safe='')}"}
