"""Units of what is shown. All values are exact fractions until they are written."""

from fractions import Fraction

SYSTEMS = ("metric", "imperial")


def convert(kind, value, units):
    """Return a reading (degrees Celsius, km/h, mm) in metric or imperial units (degrees Fahrenheit, mph, inches)."""
    if units == "metric":
        return value
    if kind == "temp":
        return value * 9 / 5 + 32
    return value / (Fraction("1.609344") if kind == "wind" else Fraction("25.4"))


def count_places(kind, units):
    """Return how many decimals a reading is shown with."""
    return 2 if kind == "rain" and units == "imperial" else 1


def write_number(value, places):
    """Return a fraction as text with so many decimals, halves rounded away from zero, never '-0.0'."""
    raise NotImplementedError
