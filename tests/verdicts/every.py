"""All attacks on verdicts, in every language."""

from __future__ import annotations

from verdicts import cpp_attacks, go_attacks, javascript_attacks, python_attacks, rust_attacks

ATTACKS = (
    *python_attacks.ATTACKS,
    *javascript_attacks.ATTACKS,
    *go_attacks.ATTACKS,
    *rust_attacks.ATTACKS,
    *cpp_attacks.ATTACKS,
)
