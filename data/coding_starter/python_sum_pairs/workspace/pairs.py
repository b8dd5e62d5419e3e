"""Counting pairs."""


def count_pairs(numbers, total):
    """Return how many pairs of different positions in `numbers` have the sum `total`."""
    found = 0
    for one in numbers:
        for other in numbers:
            if one + other == total:
                found += 1
    return found
