"""Amounts of money as whole cents."""

import re

AMOUNT = re.compile(r"(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]{2})?")


def parse_amount(text):
    """Return the cents of an amount such as '1,234.50', '-3' or '(12.00)'; raises ValueError."""
    digits = text.strip()
    negative = False
    if digits.startswith("(") and digits.endswith(")"):
        negative = True
        digits = digits[1:-1]
    elif digits[:1] in ("-", "+"):
        negative = digits[0] == "-"
        digits = digits[1:]
    if not AMOUNT.fullmatch(digits):
        raise ValueError(f"no amount: {text!r}")
    total = int(float(digits.replace(",", "")) * 100)
    return -total if negative else total


def format_amount(cents):
    """Return cents as text: '-1,234.50'."""
    whole, rest = divmod(cents, 100)
    return f"{whole:,}.{rest:02d}"
