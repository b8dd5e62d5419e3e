"""A strict schema is kept to or refused."""

from __future__ import annotations

from typing import Any

import pytest

from evalkit.service.answer_form import require_form
from evalkit.service.bad_request import BadRequest
from evalkit.service.brain.conversation import Call, Reply

SCHEMA = {"type": "object", "required": ["verdict"], "properties": {"verdict": {"type": "boolean"}}}


def _form(**more: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "judgement", "schema": SCHEMA, "strict": True, **more}}


@pytest.mark.parametrize(
    ("reply", "form"),
    [
        (Reply('{"verdict": true}'), _form()),
        (Reply("Hello."), _form(strict=False)),
        (Reply("Hello."), _form(strict=None)),
        (Reply("Hello."), None),
        (Reply("Hello."), {"type": "text"}),
        (Reply("Hello."), {"type": "json_object"}),
        (Reply("", (Call("find", {}),)), _form()),
    ],
)
def test_what_passes(reply: Reply, form: dict[str, Any] | None) -> None:
    """An answer in the form, a call, and whatever nobody insists on."""
    require_form(reply, form, "m")


@pytest.mark.parametrize(
    ("text", "form", "param"),
    [
        ("Hello.", _form(), "response_format.json_schema"),
        ('{"answer": 1}', _form(), "response_format.json_schema"),
        ("{}", _form(schema={"type": "nonsense"}), "response_format.json_schema.schema"),
    ],
)
def test_what_is_refused(text: str, form: dict[str, Any], param: str) -> None:
    """With status 400, the field, and what to do."""
    with pytest.raises(BadRequest) as refused:
        require_form(Reply(text), form, "m")
    assert (refused.value.status, refused.value.param) == (400, param)
