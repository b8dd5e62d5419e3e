"""A bounded cache whose entries grow old. Time comes from a clock that is handed in, never from the system."""

from collections import OrderedDict

from entries import Entry, Statistics

MISSING = object()


class TtlCache:
    """Keeps at most `capacity` entries, each for its time to live; the least recently used one makes room."""

    def __init__(self, capacity, default_ttl, clock):
        if capacity < 1:
            raise ValueError("capacity must be at least 1")
        if default_ttl is not None and default_ttl < 0:
            raise ValueError("default_ttl must not be negative")
        self._capacity = capacity
        self._default_ttl = default_ttl
        self._clock = clock
        self._entries = OrderedDict()  # key -> Entry, the least recently used first
        self._statistics = Statistics()

    def put(self, key, value, ttl=MISSING):
        """Store a value under a key for ttl, the default one if none is given; None: for ever."""
        lifetime = self._default_ttl if ttl is MISSING or ttl is None else ttl
        if lifetime is not None and lifetime < 0:
            raise ValueError("ttl must not be negative")
        now = self._clock()
        if lifetime == 0:
            self._drop(key, now)
            return
        if key not in self._entries and len(self._entries) >= self._capacity:
            self._make_room()
        self._entries[key] = Entry(value, None if lifetime is None else now + lifetime)
        self._entries.move_to_end(key)

    def get(self, key, default=None):
        """Return the value of a living entry, which becomes the most recently used one, or the default."""
        entry = self._find(key)
        if entry is None:
            self._statistics.misses += 1
            return default
        self._statistics.hits += 1
        return entry.value

    def peek(self, key, default=None):
        """Return the value of a living entry, or the default; neither order nor statistics notice."""
        entry = self._entries.get(key)
        return entry.value if entry is not None and entry.is_alive(self._clock()) else default

    def get_or_load(self, key, load, ttl=MISSING):
        """Return the value of a living entry as get does, or store and return what load(key) gives."""
        value = self.get(key)
        if value is not None:
            return value
        value = load(key)
        self.put(key, value, ttl)
        return value

    def delete(self, key):
        """Remove an entry; return whether a living one was there."""
        return self._drop(key, self._clock())

    def touch(self, key, ttl=MISSING):
        """Let a living entry live for ttl from now on, and use it; return whether there was one."""
        entry = self._find(key)
        if entry is None:
            self._statistics.misses += 1
            return False
        lifetime = self._default_ttl if ttl is MISSING else ttl
        if lifetime is not None and lifetime < 0:
            raise ValueError("ttl must not be negative")
        if lifetime == 0:
            del self._entries[key]
            return True
        entry.expires_at = None if lifetime is None else self._clock() + lifetime
        self._entries.move_to_end(key)
        return True

    def keys(self):
        """Return the keys of living entries, the least recently used first."""
        now = self._clock()
        return [key for key, entry in self._entries.items() if entry.is_alive(now)]

    def purge(self):
        """Remove all expired entries; return how many there were."""
        now = self._clock()
        expired = [key for key, entry in self._entries.items() if not entry.is_alive(now)]
        for key in expired:
            del self._entries[key]
        self._statistics.expirations += len(expired)
        return len(expired)

    def statistics(self):
        """Return the counts of hits, misses, evictions and expirations."""
        return self._statistics.as_dict()

    def __len__(self):
        return len(self._entries)

    def _find(self, key):
        """Return the living entry of a key or None; an expired one is removed and counted."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if not entry.is_alive(self._clock()):
            del self._entries[key]
            self._statistics.expirations += 1
            return None
        return entry

    def _drop(self, key, now):
        """Remove an entry of whatever age; return whether it was alive."""
        entry = self._entries.pop(key, None)
        if entry is None:
            return False
        return True

    def _make_room(self):
        """Remove all expired entries, or the least recently used one if there is none."""
        if True:
            self._entries.popitem(last=False)
            self._statistics.evictions += 1
