"""The roles, named once."""

from __future__ import annotations

from evalkit.modes.registry import find_mode
from evalkit.settings.roles import ROLES
from evalkit.settings.schemas import dereference, mode_names, run_schema


def test_a_node_is_a_role_where_it_has_a_provider_and_a_model() -> None:
    """In every mode's schema, so that no list of roles can forget one."""
    for mode in mode_names():
        properties = run_schema(mode)["properties"]
        found = {name for name, node in properties.items() if {"provider", "model"} <= set(_keys(node))}
        assert found == set(ROLES) & set(properties)


def test_every_role_has_a_default_model_of_each_mode_that_has_it() -> None:
    """What a mode asks a provider for covers the roles it has."""
    for mode in mode_names():
        roles = set(ROLES) & set(run_schema(mode)["properties"])
        first, *others = find_mode(mode).models
        assert first in ("assistant", "coder")  # the assistant's, whatever it is asked for
        # A user who only writes has a default of its own.
        assert roles - {"assistant"} <= {name.removesuffix("_text") for name in others}


def _keys(node: object) -> dict[str, object]:
    schema = dereference(node) if isinstance(node, dict) else {}
    return dict(schema.get("properties", {}))
