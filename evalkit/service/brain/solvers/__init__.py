"""Solvers of coding tasks without a language model: the right solution, and known defects with one status each."""
