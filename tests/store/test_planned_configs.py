"""A plan keeps of each job's config what is another in it, and gives back the whole."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from evalkit.store.planned_configs import describe_difference, planned_configs

_NAMES = st.sampled_from(["a", "b", "c.d", "e"])
_VALUES = st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from([1.0, "", "x"]) | st.lists(st.integers(0, 1))
_CONFIGS = st.dictionaries(
    _NAMES, st.recursive(_VALUES, lambda below: st.dictionaries(_NAMES, below, max_size=3), max_leaves=6), max_size=4
)


@given(st.lists(_CONFIGS, min_size=1, max_size=5))
def test_every_config_comes_back(configs: list[dict[str, Any]]) -> None:
    """Whatever it has, lacks, or has of another type than the first one: a number for a word, a node for nothing."""
    jobs = [describe_difference(configs[0], config) for config in configs]
    document = json.loads(json.dumps({"format": 2, "config": configs[0], "jobs": jobs}))
    found = json.dumps(list(planned_configs(document)), sort_keys=True)
    assert found == json.dumps(configs, sort_keys=True)


def test_nodes_in_which_configs_do_not_differ_are_the_same_objects() -> None:
    """So that ten thousand of them fit into memory."""
    first = {"limits": {"a": 1}, "gate": {"b": 1}, "seed": 0}
    jobs = [describe_difference(first, {**first, "gate": {"b": number}}) for number in (1, 2)]
    one, other = planned_configs({"format": 2, "config": first, "jobs": jobs})
    assert one["limits"] is other["limits"]
    assert (one["gate"], other["gate"]) == ({"b": 1}, {"b": 2})
