"""Faults on demand: a plan of them as data, who is hit as pure functions, and the injectors before the writer."""
