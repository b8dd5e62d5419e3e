"""The API's own page: what the OpenAPI document says, readable without a script from elsewhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from evalkit.lab.lab import Lab
from evalkit.lab.web.rendering import render

_DEEPEST = 2
_METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class ApiField:
    """A parameter of an operation, or a field of what it takes or answers."""

    name: str
    place: str
    kind: str
    about: str
    required: bool


@dataclass(frozen=True)
class ApiOperation:
    """A method of a path, in words."""

    method: str
    path: str
    summary: str
    about: str
    parameters: tuple[ApiField, ...]
    takes: tuple[ApiField, ...]
    answers: tuple[ApiField, ...]
    statuses: tuple[tuple[str, str], ...]

    @property
    def anchor(self) -> str:
        """Its name in the page's address."""
        return f"{self.method}{self.path}".replace("/", "-").replace("{", "").replace("}", "")


def routes(lab: Lab) -> APIRouter:  # noqa: ARG001  every room gets it
    """Return the route of the page."""
    router = APIRouter(include_in_schema=False)

    @router.get("/docs")
    def show_api(request: Request) -> Response:
        return render(request, "api.html.j2", groups=read_operations(request.app.openapi()))

    return router


def read_operations(document: Mapping[str, Any]) -> dict[str, list[ApiOperation]]:
    """Return tag -> the operations that an OpenAPI document lists under it."""
    groups: dict[str, list[ApiOperation]] = defaultdict(list)
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods:
                operation = methods[method]
                groups[operation.get("tags", ["other"])[0]].append(_read(document, method, path, operation))
    return dict(groups)


def _read(document: Mapping[str, Any], method: str, path: str, operation: Mapping[str, Any]) -> ApiOperation:
    parameters = tuple(
        ApiField(
            found["name"],
            found["in"],
            _kind(document, found.get("schema", {})),
            found.get("description", ""),
            found.get("required", False),
        )
        for found in operation.get("parameters", ())
    )
    return ApiOperation(
        method.upper(),
        path,
        operation.get("summary", ""),
        operation.get("description", ""),
        parameters,
        _fields(document, operation.get("requestBody", {}), "body"),
        _fields(document, operation.get("responses", {}).get("200", {}), "answer"),
        tuple((status, found.get("description", "")) for status, found in operation.get("responses", {}).items()),
    )


def _fields(document: Mapping[str, Any], body: Mapping[str, Any], place: str) -> tuple[ApiField, ...]:
    schema = body.get("content", {}).get("application/json", {}).get("schema", {})
    return tuple(_inner_fields(document, schema, place, ""))


def _inner_fields(
    document: Mapping[str, Any], schema: Mapping[str, Any], place: str, prefix: str
) -> Iterator[ApiField]:
    """Yield the fields of an object, and behind a field those of the objects that it holds: ``runs[].id``."""
    schema = _resolve(document, schema)
    for name, found in schema.get("properties", {}).items():
        required = name in schema.get("required", ())
        yield ApiField(f"{prefix}{name}", place, _kind(document, found), found.get("description", ""), required)
        held = _resolve(document, found)
        inner, sign = (held.get("items", {}), "[].") if held.get("type") == "array" else (held, ".")
        if prefix.count(".") < _DEEPEST:
            yield from _inner_fields(document, inner, place, f"{prefix}{name}{sign}")


def _kind(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """Return the type that `schema` describes, in a few words."""
    schema = _resolve(document, schema)
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_kind(document, part) for part in schema["anyOf"]))
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {_kind(document, schema.get('items', {}))}"
    return str(schema.get("title") if "properties" in schema else schema.get("type", "any"))


def _resolve(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return {**found, **{key: value for key, value in schema.items() if key != "$ref"}}
