"""The API's page says what the OpenAPI document says, without a script."""

from __future__ import annotations

from collections.abc import Callable

from starlette.testclient import TestClient

from evalkit.lab.api.docs_page import read_operations
from evalkit.lab.lab import Lab


def test_every_operation_stands_on_the_page(lab: Lab, open_client: Callable[[Lab], TestClient]) -> None:
    """With its parameters, and the fields of its answer."""
    client = open_client(lab)
    document = client.get("/openapi.json").json()
    page = client.get("/docs").text
    for path, methods in document["paths"].items():
        for method in methods:
            assert f"<code>{method.upper()} {path}</code>" in page
    assert "<code>runs[].accuracy</code>" in page
    assert "jsdelivr" not in page


def test_every_operation_of_the_api_says_what_it_is_for(lab: Lab, open_client: Callable[[Lab], TestClient]) -> None:
    """And stands under a heading."""
    groups = read_operations(open_client(lab).get("/openapi.json").json())
    assert "other" not in groups
    assert [operation.path for found in groups.values() for operation in found if not operation.summary] == []


def test_a_document_is_read_as_it_is_written() -> None:
    """References are followed, and what an object in a list holds is named behind it."""
    rows = {"type": "array", "items": {"$ref": "#/r"}}
    holder = {"type": "object", "required": ["rows"], "properties": {"rows": rows}}
    row = {"type": "object", "title": "Row", "properties": {"id": {"anyOf": [{"type": "string"}, {"type": "null"}]}}}
    answer = {"200": {"description": "well", "content": {"application/json": {"schema": holder}}}}
    parameter = {"name": "format", "in": "query", "schema": {"enum": ["json", "csv"]}}
    document = {
        "r": row,
        "paths": {"/rows/{id}": {"get": {"tags": ["rows"], "parameters": [parameter], "responses": answer}}},
    }
    operation = read_operations(document)["rows"][0]
    assert operation.anchor == "GET-rows-id"
    assert [(field.name, field.kind) for field in operation.answers] == [
        ("rows", "list of Row"),
        ("rows[].id", "string or null"),
    ]
    assert operation.parameters[0].kind == "json | csv"
