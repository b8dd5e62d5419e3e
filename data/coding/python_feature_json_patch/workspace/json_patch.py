"""Differences between JSON documents, and patches that make them (after RFC 6902).

So far only the first version: `apply` knows three operations, on members of objects.
"""

import copy

from pointer import PointerError, parse_pointer


class PatchError(Exception):
    """An operation that cannot be done; index is its place in the patch."""

    def __init__(self, index, reason):
        super().__init__(f"operation {index}: {reason}")
        self.index = index


def equal(left, right):
    """Return whether two JSON values are the same."""
    return left == right


def find_parent(document, tokens, index):
    """Return the object that has, or gets, the member that the tokens lead to."""
    node = document
    for token in tokens[:-1]:
        if not isinstance(node, dict) or token not in node:
            raise PatchError(index, f"nothing at {token!r}")
        node = node[token]
    if not isinstance(node, dict):
        raise PatchError(index, "not an object")
    return node


def apply(document, patch):
    """Return what a patch makes of a document; neither is changed. Raises PatchError."""
    result = copy.deepcopy(document)
    for index, operation in enumerate(patch):
        try:
            tokens = parse_pointer(operation["path"])
        except PointerError as error:
            raise PatchError(index, str(error)) from None
        parent = find_parent(result, tokens, index)
        name = operation["op"]
        if name != "add" and tokens[-1] not in parent:
            raise PatchError(index, f"nothing at {tokens[-1]!r}")
        if name == "remove":
            del parent[tokens[-1]]
        elif name in ("add", "replace"):
            parent[tokens[-1]] = operation["value"]
        else:
            raise PatchError(index, f"unknown operation {name!r}")
    return result


def diff(old, new):
    """Return the patch that makes one document of another."""
    raise NotImplementedError
