"""Bookings of one room on one day, as half-open intervals of minutes since midnight: [start, end)."""

from clock import format_time, parse_time


def check(interval):
    """Return (start, end) of an interval; raises ValueError if it ends before it starts."""
    start, end = interval
    if end < start:
        raise ValueError(f"interval ends before it starts: {start}-{end}")
    return start, end


def merge(intervals):
    """Return the union of intervals as a sorted list of [start, end] that neither overlap nor touch."""
    merged = []
    for start, end in sorted(check(interval) for interval in intervals):
        if start == end:
            continue
        if merged and start < merged[-1][1]:
            merged[-1][1] = end
        else:
            merged.append([start, end])
    return merged


def free_slots(busy, day_start, day_end, minimum=1):
    """Return the gaps of at least `minimum` minutes between bookings, within [day_start, day_end)."""
    check((day_start, day_end))
    slots = []
    cursor = day_start
    for start, end in merge(busy):
        gap_end = start
        if gap_end > cursor and gap_end - cursor >= minimum:
            slots.append([cursor, gap_end])
        cursor = end
    if day_end > cursor and day_end - cursor >= minimum:
        slots.append([cursor, day_end])
    return slots


def busiest(intervals):
    """Return [count, start, end]: the first stretch during which the most bookings are in force."""
    events = []
    for start, end in (check(interval) for interval in intervals):
        if start < end:
            events.append((start, 1))
            events.append((end, -1))
    best = [0, None, None]
    count = 0
    for time, steps in group_by_time(events):
        if count == best[0] and count > 0 and best[2] is None:
            best[2] = time
        count += sum(steps)
        if count > best[0]:
            best = [count, time, None]
    return best


def group_by_time(events):
    """Yield (time, steps) for each moment at which the number of bookings in force really changes."""
    moments = {}
    for time, step in sorted(events, key=lambda event: (event[0], -event[1])):
        moments.setdefault(time, []).append(step)
    for time, steps in moments.items():
        for step in steps:
            yield time, [step]


def agenda(lines):
    """Return a text agenda, one merged booking a line, from lines such as '09:30-10:15 Planning'.

    The titles of bookings that were merged are joined by ' + ' in order of their start, each title once.
    """
    entries = []
    for line in lines:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        span, _, title = text.partition(" ")
        first, dash, last = span.partition("-")
        if not dash:
            raise ValueError(f"no interval: {line!r}")
        start, end = check((parse_time(first), parse_time(last)))
        entries.append((start, end, title.strip()))
    rows = []
    for start, end in merge([entry[:2] for entry in entries]):
        titles = []
        for entry_start, entry_end, title in sorted(entries, key=lambda entry: entry[0]):
            inside = entry_start < entry_end and start <= entry_start < end
            if inside and title and title not in titles:
                titles.append(title)
        rows.append(f"{format_time(start)}-{format_time(end)} {' + '.join(titles)}".rstrip())
    return "\n".join(rows)
