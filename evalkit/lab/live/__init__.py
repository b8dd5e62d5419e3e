"""What happens in runs, as it happens: event streams over WebSockets, made of journals and nothing else.

A run's stream is its journal, and a place in it is a cursor: the number of bytes before it. Whoever was cut off, or
finds the lab restarted, asks for what came after its cursor and misses nothing. A journal is known by its generation,
a hash of its first line; a cursor of another generation is worth nothing, and the reader is told to begin again.
"""
