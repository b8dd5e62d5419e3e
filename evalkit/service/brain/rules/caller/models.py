"""The simulated callers by name: `local-caller`, and callers with one known defect each."""

from __future__ import annotations

from collections.abc import Mapping

from evalkit.service.brain.conversation import Model
from evalkit.service.brain.rules.caller import defects
from evalkit.service.brain.rules.caller.caller import respond

CALLERS: Mapping[str, Model] = {
    "local-caller": respond,
    "local-caller-swaps-roles": defects.swapping_roles(respond),
    "local-caller-silent": defects.silent(respond),
    "local-caller-leaks": defects.leaking(respond),
    "local-caller-invents": defects.inventing(respond),
    "local-caller-repeats": defects.repeating(respond),
}
