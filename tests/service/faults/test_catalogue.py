"""The catalogue of faults, the schema of plan files and the documentation say the same."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from evalkit.service.faults.catalogue import FAULTS, POINTS, PRESETS, Parameter, parameters_of
from evalkit.service.faults.injector import Injector
from evalkit.service.faults.plan import FaultRule, parse_plan

ROOT = Path(__file__).parents[3]
_TYPES = {str: "string", int: "integer", float: "number"}


def _schema_of(parameter: Parameter) -> dict[str, object]:
    schema: dict[str, object] = {"type": _TYPES[parameter.kind], "description": parameter.meaning}
    if parameter.options:
        schema["enum"] = list(parameter.options)
    elif parameter.kind is str:
        schema["minLength"] = 1
    bounds = {"minimum": parameter.minimum, "maximum": parameter.maximum}
    return schema | {name: bound for name, bound in bounds.items() if bound is not None}


def _schema_of_rules() -> dict[str, object]:
    """Return what a rule may have: a parameter that means different things in different faults may be any of them."""
    known: dict[str, list[dict[str, object]]] = {}
    for fault in FAULTS:
        for name, parameter in parameters_of(fault).items():
            schema = _schema_of(parameter)
            if schema not in known.setdefault(name, []):
                known[name].append(schema)
    parameters = {name: found[0] if len(found) == 1 else {"anyOf": found} for name, found in known.items()}
    return {"fault": {"enum": list(FAULTS), "description": "What goes wrong."}, **parameters}


def test_the_schema_of_plan_files_is_the_catalogue() -> None:
    """Every fault and every parameter, with the same bounds and words."""
    schema = json.loads((ROOT / "schemas" / "faults.schema.json").read_text(encoding="utf-8"))
    assert schema["items"]["properties"] == _schema_of_rules()


def test_every_fault_point_and_preset_is_documented() -> None:
    """docs/faults.md has a row for each."""
    rows = set(
        re.findall(r"^\| `([a-z_]+)` \|", (ROOT / "docs" / "faults.md").read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert {*FAULTS, *POINTS, *PRESETS} <= rows


def test_the_matrix_has_every_fault() -> None:
    """benchmarks/fault_matrix.py leaves none out."""
    text = (ROOT / "benchmarks" / "fault_matrix.py").read_text(encoding="utf-8")
    assert [fault for fault in FAULTS if f'"{fault}' not in text] == []


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_plans(preset: str) -> None:
    """A preset is nothing but rules that anybody could write."""
    assert parse_plan(preset) == parse_plan(PRESETS[preset])


@pytest.mark.parametrize("fault", [name for name, kind in FAULTS.items() if kind.where == "session"])
def test_every_fault_of_a_session_has_an_injector(fault: str) -> None:
    """None is only a name."""
    assert Injector([FaultRule(fault)]).committed() == []
