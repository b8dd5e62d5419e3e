"""Small promises of a call; whole ones are held in test_run."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from evalkit.modes.voice.dialogue import CallEvidence, derive_turn_seed


@given(st.integers(0, 2**31 - 1), st.integers(1, 200))
def test_each_turn_draws_from_a_seed_of_its_own(seed: int, turn: int) -> None:
    """The same for the same turn, another for its neighbour and for another trial."""
    found = derive_turn_seed(seed, turn)
    assert 0 <= found < 2**31
    assert found == derive_turn_seed(seed, turn)
    assert found not in (derive_turn_seed(seed, turn + 1), derive_turn_seed(seed + 1, turn))


def test_an_unknown_price_makes_a_roles_cost_unknown() -> None:
    """It never counts as nothing."""
    evidence = CallEvidence()
    for costs in ({"simulator": 0.25, "speech": 0.5}, {"simulator": None}, {"simulator": 0.25, "speech": 0.5}):
        evidence.add_cost(costs)
    assert evidence.cost_usd == {"simulator": None, "speech": 1.0}
