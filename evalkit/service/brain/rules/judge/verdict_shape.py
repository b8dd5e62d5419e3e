"""A verdict in the JSON shape that was asked for, where that shape has room for it.

Our own judges are asked for evidence, reasoning and a verdict. Others ask for less: ``{"grade": 0, "rationale": "…"}``,
``{"pass": true, "reason": "…"}``. A shape is filled where exactly one of its fields can hold a verdict and the others
are texts, lists or absent; nothing is made up for any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jsonschema import Draft202012Validator

_MET = ("pass", "passed", "yes", "true", "met", "success", "correct", "1")
_UNMET = ("fail", "failed", "no", "false", "unmet", "not_met", "failure", "incorrect", "0")
_UNKNOWN = ("cannot_tell", "unknown", "unsure", "undecided", "maybe", "unclear", "not_applicable")
_WITHOUT_VERDICT = "Cannot tell, and the shape asked for has no word for that, so it does not count as met: "


def fitting_answer(
    reason: str, evidence: Sequence[Mapping[str, Any]], schema: Mapping[str, Any], *, met: bool | None
) -> dict[str, Any] | None:
    """Return the verdict as an object of `schema`, its fields in the order of the schema; None where it can't hold it.

    Args:
        reason: Why.
        evidence: The lines that show it.
        schema: A JSON Schema.
        met: Whether the criterion is met; None: that cannot be told. A field that can only say yes or no then says
            no, and the reason says so.

    """
    fields = schema.get("properties")
    if not isinstance(fields, Mapping) or not all(isinstance(field, Mapping) for field in fields.values()):
        return None
    verdicts = {name: options for name, field in fields.items() if (options := _options(field))}
    if len(verdicts) != 1:
        return None
    (options,) = verdicts.values()
    told = options.get(met, options.get(False))
    if met is None and None not in options:
        reason = _WITHOUT_VERDICT + reason
    made = {name: told if name in verdicts else _beside(fields[name], reason, evidence) for name in fields}
    answer = {name: value for name, value in made.items() if value is not None}
    return answer if Draft202012Validator(schema).is_valid(answer) else None


def _options(field: Mapping[str, Any]) -> dict[bool | None, Any]:
    """Return how a field says met, unmet and, where it can, that it cannot be told; empty where it holds no verdict."""
    if "enum" in field:
        words = {str(value).lower().replace(" ", "_"): value for value in reversed(list(field["enum"]))}
        sides = {True: _MET, False: _UNMET, None: _UNKNOWN}
        found = {side: next((words[word] for word in known if word in words), None) for side, known in sides.items()}
        options = {side: value for side, value in found.items() if value is not None}
        return options if {True, False} <= options.keys() else {}
    kind = field.get("type")
    if kind == "boolean":
        return {True: True, False: False}
    if kind in ("integer", "number") and field.get("minimum") == 0 and field.get("maximum") == 1:
        return {True: 1, False: 0}
    return {}


def _beside(field: Mapping[str, Any], reason: str, evidence: Sequence[Mapping[str, Any]]) -> Any:
    """Return what stands beside the verdict in a field: the reason in a text, the quotations in a list of texts."""
    if field.get("type") == "string" and "enum" not in field:
        return reason
    items = field.get("items")
    if field.get("type") == "array" and isinstance(items, Mapping) and items.get("type") == "string":
        return [str(line["quote"]) for line in evidence]
    return None
