"""The types that all packages use: cases, records, turns, grades, faults, result columns. Standard library only."""
