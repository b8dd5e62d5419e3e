"""Times of day as minutes since midnight."""

MINUTES_OF_DAY = 24 * 60


def parse_time(text):
    """Return the minutes since midnight of 'HH:MM', 00:00 to 24:00; raises ValueError for anything else."""
    hours, colon, minutes = text.partition(":")
    if not (colon and len(hours) == 2 and len(minutes) == 2 and (hours + minutes).isascii() and (hours + minutes).isdigit()):
        raise ValueError(f"no time of day: {text!r}")
    total = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or total >= MINUTES_OF_DAY:
        raise ValueError(f"no time of day: {text!r}")
    return total


def format_time(minutes):
    """Return 'HH:MM' of minutes since midnight."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
