"""The form that a text answer is asked to have: a strict JSON schema is kept to, or refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from evalkit.service.bad_request import BadRequest
from evalkit.service.brain.conversation import Reply

FORM = {
    "type": "object",
    "required": ["type"],
    "properties": {
        "type": {"enum": ["text", "json_schema", "json_object"]},
        "json_schema": {
            "type": "object",
            "required": ["name"],
            "properties": {
                "name": {"type": "string"},
                "description": {"type": "string"},
                "schema": {"type": "object"},
                "strict": {"type": ["boolean", "null"]},
            },
            "additionalProperties": False,
        },
    },
    "if": {"properties": {"type": {"const": "json_schema"}}},
    "then": {"required": ["json_schema"]},
}
"""The JSON Schema of ``response_format``."""


def require_form(reply: Reply, form: Mapping[str, Any] | None, model: str) -> None:
    """Raise :class:`BadRequest` for words that break the strict schema of `form`; calls and other forms always pass.

    Args:
        reply: What the model answers.
        form: The request's ``response_format``; None: none was asked for.
        model: Who answers.

    """
    asked = (form or {}).get("json_schema") or {}
    if not asked.get("strict") or (reply.calls and not reply.text):
        return
    param = "response_format.json_schema"
    schema = asked.get("schema", {})
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        message = f"Invalid schema for response_format: at {error.json_path}: {error.message}."
        raise BadRequest(message, code="invalid_json_schema", param=f"{param}.schema") from error
    problem = _find_problem(reply.text, schema)
    if problem:
        message = (
            f"The model '{model}' cannot answer in the form of the json_schema '{asked['name']}': {problem}. "
            "Ask without `strict`, or another model."
        )
        raise BadRequest(message, code="unsupported_value", param=param)


def _find_problem(text: str, schema: Mapping[str, Any]) -> str:
    """Return why `text` does not keep to `schema`; empty where it does."""
    try:
        answer = orjson.loads(text)
    except orjson.JSONDecodeError:
        return "its answer is not JSON"
    broken = next(Draft202012Validator(schema).iter_errors(answer), None)
    return "" if broken is None else f"its answer breaks it at {broken.json_path}: {broken.message}"
