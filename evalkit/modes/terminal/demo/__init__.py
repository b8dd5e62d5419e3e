"""A CLI agent without a model: does everything right, or is wrong in exactly one known way."""
