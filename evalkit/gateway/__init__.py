"""The model gateway: the only door out of an agent's box, which holds the key, counts, records, replays and says no."""
