"""Calls the room's bookings; `merge_twice` also shows what became of the argument."""


def call(fn, args):
    import bookings
    import clock

    if fn == "merge_twice":
        intervals = args[0]
        first = bookings.merge(intervals)
        return [first, bookings.merge(intervals), intervals]
    if fn == "parse_times":
        return [clock.parse_time(text) for text in args[0]]
    if fn == "bad_times":
        return [text for text in args[0] if is_bad(clock, text)]
    functions = {"merge": bookings.merge, "free_slots": bookings.free_slots, "busiest": bookings.busiest}
    return {**functions, "agenda": bookings.agenda}[fn](*args)


def is_bad(clock, text):
    """Return whether a text is refused as no time of day."""
    try:
        clock.parse_time(text)
    except ValueError:
        return True
    return False
