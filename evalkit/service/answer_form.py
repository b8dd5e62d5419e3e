"""The JSON that a client wants an answer in: read from its request, shown to the model, and kept to or refused.

A model that answers in another shape than it was asked for is worse than one that cannot answer: its client reads a
verdict, a grade or a form out of it. So an answer that breaks a strict schema is refused with status 400, as endpoints
without structured outputs do, and clients that have a way without them take it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from evalkit.service.bad_request import BadRequest, missing_parameter
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


@dataclass(frozen=True)
class AnswerForm:
    """What the text of an answer is to be.

    Attributes:
        schema: The JSON Schema of it; None: it may be any text.
        is_strict: Whether it must keep to that.
        param: Where the request asks for it.

    """

    schema: Mapping[str, Any] | None = None
    is_strict: bool = False
    param: str = ""

    def check(self, reply: Reply, model: str) -> None:
        """Raise :class:`BadRequest` for words of `model` that break a strict schema.

        A reply that only calls tools has none, and one that a limit cut short is said to be incomplete.
        """
        if self.schema is None or not self.is_strict or reply.is_cut or (reply.calls and not reply.text):
            return
        try:
            answer = orjson.loads(reply.text)
        except orjson.JSONDecodeError:
            raise self._refusal(model, "its answer is not JSON") from None
        broken = best_match(Draft202012Validator(self.schema).iter_errors(answer))
        if broken is not None:
            raise self._refusal(model, f"its answer breaks it at {broken.json_path}: {broken.message[:200]}")

    def _refusal(self, model: str, why: str) -> BadRequest:
        message = (
            f"The model '{model}' cannot answer in the json_schema of '{self.param}': {why}. Ask without `strict`, or "
            "another model."
        )
        return BadRequest(message, code="unsupported_value", param=self.param)


def read_form(wire: Mapping[str, Any] | None, param: str, *, nested: str = "") -> AnswerForm:
    """Return what `wire`, found at `param` of a request, asks for.

    Args:
        wire: An object with `type`: ``text``, ``json_object`` or ``json_schema``; None: nothing is asked for.
        param: Its path, for messages.
        nested: The key below which the older API keeps the schema; empty: beside `type`.

    Raises:
        BadRequest: A strict form has no schema, or one that is none.

    """
    if wire is None or wire.get("type") != "json_schema":
        return AnswerForm()
    path = f"{param}.{nested}" if nested else param
    holder = wire.get(nested) or {} if nested else wire
    schema, is_strict = holder.get("schema"), bool(holder.get("strict"))
    if schema is None:
        if is_strict:
            raise missing_parameter(f"{path}.schema")
        return AnswerForm()
    try:
        Draft202012Validator.check_schema(schema)
        _check_references(schema)
    except (SchemaError, Unresolvable) as error:
        why = (
            f"at {error.json_path}: {error.message}"
            if isinstance(error, SchemaError)
            else f"{error.ref!r} leads nowhere"
        )
        message = f"Invalid schema in '{path}.schema': {why[:200]}."
        raise BadRequest(message, code="invalid_json_schema", param=f"{path}.schema") from error
    return AnswerForm(schema if isinstance(schema, Mapping) else None, is_strict, path)


def _check_references(schema: Any) -> None:
    """Raise Unresolvable for a reference that leads out of `schema`, or nowhere in it; nothing is ever fetched."""
    resolver = Registry().with_resource("", DRAFT202012.create_resource(schema)).resolver("")
    nodes = [schema]
    while nodes:
        node = nodes.pop()
        if isinstance(node, Mapping):
            for reference in (node.get("$ref"), node.get("$dynamicRef")):
                if isinstance(reference, str):
                    resolver.lookup(reference)
            nodes += node.values()
        elif isinstance(node, list):
            nodes += node
