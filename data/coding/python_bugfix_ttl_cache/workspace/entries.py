"""What a cache keeps: values with their end, and counts."""


class Entry:
    """A value and the time at which it expires; None: never."""

    def __init__(self, value, expires_at):
        self.value = value
        self.expires_at = expires_at

    def is_alive(self, now):
        """Return whether the entry may still be used at a time."""
        return self.expires_at is None or now <= self.expires_at


class Statistics:
    """Counts what happened to a cache since it was made."""

    def __init__(self):
        self.hits = 0
        self.misses = 0
        self.evictions = 0
        self.expirations = 0

    def as_dict(self):
        """Return the counts by name."""
        return {
            "hits": self.hits,
            "misses": self.misses,
            "evictions": self.evictions,
            "expirations": self.expirations,
        }
