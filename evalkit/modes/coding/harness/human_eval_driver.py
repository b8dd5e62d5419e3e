"""Calls the function of a converted HumanEval task: the driver of every such task.

What JSON has no word for crosses as ``{"$tuple": […]}``, ``{"$set": […]}`` or ``{"$dict": [[key, value], …]}`` (keys
that are no text), out of the box by exact types only: an object that equals everything is none of them.
"""

from __future__ import annotations

import importlib
from typing import Any


def call(fn: str, args: list[Any]) -> Any:
    """Return what ``fn``, a module and its function with a dot between, gives for `args`."""
    module, _, name = fn.rpartition(".")
    return encode(getattr(importlib.import_module(module), name)(*map(decode, args)))


def encode(value: Any, *, in_order: bool = False) -> Any:
    """Return `value` as plain data; what is no such data stays as it is, and the harness names its type.

    Pairs of a ``$dict`` are sorted, since two dicts are equal in any order; `in_order` keeps them as they are.
    """
    kind = type(value)
    if kind is list:
        return [encode(item, in_order=in_order) for item in value]
    if kind is tuple:
        return {"$tuple": [encode(item, in_order=in_order) for item in value]}
    if kind is set:
        return {"$set": [encode(item, in_order=in_order) for item in sorted(value, key=repr)]}
    if kind is not dict:
        return value
    if all(type(key) is str for key in value):
        return {key: encode(item, in_order=in_order) for key, item in value.items()}
    pairs = [[encode(key, in_order=in_order), encode(item, in_order=in_order)] for key, item in value.items()]
    return {"$dict": pairs if in_order else sorted(pairs, key=lambda pair: repr(pair[0]))}


def decode(value: Any) -> Any:
    """Return what :func:`encode` made `value` of."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"$tuple": items, **rest} if not rest:
            return tuple(decode(item) for item in items)
        case {"$set": items, **rest} if not rest:
            return {decode(item) for item in items}
        case {"$dict": pairs, **rest} if not rest:
            return {decode(key): decode(item) for key, item in pairs}
    return {key: decode(item) for key, item in value.items()}
