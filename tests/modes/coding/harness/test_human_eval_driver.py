"""What JSON has no word for crosses and comes back the same, and nothing pretends to be it."""

from __future__ import annotations

import json
import sys
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.modes.coding.harness.human_eval_driver import call, decode, encode

_KEYS = st.none() | st.booleans() | st.integers() | st.text(max_size=4)
_VALUES = st.recursive(
    _KEYS | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(_KEYS | st.tuples(_KEYS), inner, max_size=3)
        | st.sets(_KEYS, max_size=3)
    ),
    max_leaves=8,
)


@given(_VALUES, st.booleans())
def test_values_cross_and_come_back(value: Any, in_order: bool) -> None:
    """With their types, through JSON."""
    crossed = decode(json.loads(json.dumps(encode(value, in_order=in_order))))
    assert crossed == value
    assert encode(crossed) == encode(value)


def test_equal_values_are_written_alike() -> None:
    """Whatever order they were made in; where order counts, it is kept."""
    assert encode({1: "a", 2: "b"}) == encode({2: "b", 1: "a"}) == {"$dict": [[1, "a"], [2, "b"]]}
    assert encode({2: "b", 1: "a"}, in_order=True) == {"$dict": [[2, "b"], [1, "a"]]}
    assert encode({3, 1}) == {"$set": [1, 3]}


def test_only_exact_types_are_taken_apart() -> None:
    """What is derived from one stays as it is, for the harness to name."""

    class Anything(tuple[int, ...]):
        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = None  # type: ignore[assignment]

    one = Anything()
    assert encode(one) is one


def test_a_call_names_module_and_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """And both its arguments and what it gives are translated."""
    module = ModuleType("solution_of_driver")
    module.__dict__["swap"] = lambda pair: (pair[1], pair[0])
    monkeypatch.setitem(sys.modules, "solution_of_driver", module)
    assert call("solution_of_driver.swap", [{"$tuple": [1, 2]}]) == {"$tuple": [2, 1]}
