"""Calls the room's bookings; `merge_twice` also shows what became of the argument."""


def call(fn, args):
    import bookings
    import clock

    if fn == "merge_twice":
        intervals = args[0]
        first = bookings.merge(intervals)
        return [first, bookings.merge(intervals), intervals]
    if fn == "parse_time":
        return clock.parse_time(*args)
    functions = {"merge": bookings.merge, "free_slots": bookings.free_slots, "busiest": bookings.busiest}
    return {**functions, "agenda": bookings.agenda}[fn](*args)
