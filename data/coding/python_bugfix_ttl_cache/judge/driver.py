"""Plays a script of steps on one cache; the clock shows what the step `at` said last."""


class LoadError(Exception):
    """What a loader that fails raises."""


def call(fn, args):
    from ttl_cache import TtlCache

    capacity, default_ttl, steps = args
    time = [0]
    cache = TtlCache(capacity, default_ttl, lambda: time[0])
    answers = []
    for name, *rest in steps:
        try:
            answers.append(play(cache, time, name, rest))
        except (ValueError, LoadError) as error:
            answers.append(f"raised {type(error).__name__}")
    return answers


def play(cache, time, name, rest):
    """Return what one step answers."""
    if name == "at":
        time[0] = rest[0]
        return None
    if name == "len":
        return len(cache)
    if name in ("load", "load_fails"):
        calls = []

        def load(key):
            calls.append(key)
            if name == "load_fails":
                raise LoadError(key)
            return rest[1]

        value = cache.get_or_load(rest[0], load, *rest[2:])
        return [value, calls]
    return getattr(cache, name)(*rest)
