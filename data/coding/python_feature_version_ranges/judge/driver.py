"""Compares versions, looks into ranges and resolves packages."""


def call(fn, args):
    import ranges
    import resolver
    import versions

    if fn == "compare":
        return [versions.compare(versions.parse_version(left), versions.parse_version(right)) for left, right in args[0]]
    if fn == "sort":
        import functools

        parsed = sorted(map(versions.parse_version, args[0]), key=functools.cmp_to_key(versions.compare))
        return [str(version) for version in parsed]
    if fn == "within":
        return [version for version in args[1] if ranges.satisfies(version, args[0])]
    if fn == "invalid_ranges":
        return [text for text in args[0] if is_invalid(ranges, text)]
    if fn == "resolve":
        return resolver.resolve(*args)
    return {"describe": ranges.describe, "satisfies": ranges.satisfies, "best": ranges.best}[fn](*args)


def is_invalid(ranges, text):
    """Return whether every function refuses a range."""
    refusals = 0
    for ask in (lambda: ranges.describe(text), lambda: ranges.satisfies("1.2.3", text), lambda: ranges.best([], text)):
        try:
            ask()
        except ranges.InvalidRange:
            refusals += 1
    return refusals == 3
