"""Makes and applies patches; a patch that cannot be applied answers the index of the operation."""

import copy


def call(fn, args):
    import json_patch

    if fn == "equal_each":
        return [json_patch.equal(*pair) for pair in args[0]]
    if fn == "apply_each":
        return [apply(json_patch, pair) for pair in args[0]]
    if fn == "diff":
        return json_patch.diff(*args)
    if fn == "round_trip":
        return json_patch.apply(args[0], json_patch.diff(*args))
    return apply(json_patch, args)


def apply(json_patch, args):
    """Return what became of a document under a patch, and whether both were left alone."""
    before = copy.deepcopy(args)
    try:
        result = json_patch.apply(*args)
    except json_patch.PatchError as error:
        return {"failed": error.index, "arguments kept": show(args) == show(before)}
    return {"result": result, "arguments kept": show(args) == show(before)}


def show(value):
    """Return a text that differs when two values differ in anything, order and type included."""
    return repr(value)
