"""Reads amounts, dates and entries, and reports on a reconciliation; any ValueError counts as one."""


def call(fn, args):
    try:
        return dispatch(fn, args)
    except ValueError as error:
        raise ValueError(str(error)) from None


def dispatch(fn, args):
    """Return what the named function answers, as plain data."""
    import entries
    import money
    import report

    if fn == "parse_amounts":
        return [money.parse_amount(text) for text in args[0]]
    if fn == "bad_amounts":
        return [text for text in args[0] if not is_read(money.parse_amount, text)]
    if fn == "bad_dates":
        return [text for text in args[0] if not is_read(entries.parse_day, text)]
    if fn == "format_amounts":
        return [money.format_amount(cents) for cents in args[0]]
    if fn == "read":
        found = entries.read_entries(args[0])
        return [[entry.id, entry.day.isoformat(), entry.amount, entry.reference] for entry in found]
    return report.report(*args)


def is_read(read, text):
    """Return whether a text is accepted."""
    try:
        read(text)
    except ValueError:
        return False
    return True
