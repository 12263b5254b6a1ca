"""The currencies that are money somewhere today, by their ISO 4217 code."""

from babel.core import get_global
from babel.numbers import get_currency_name


def _current() -> dict[str, str]:
    """Codes and English names, from what Unicode's CLDR says of every country."""
    codes = {
        code
        for history in get_global("territory_currencies").values()
        for code, _begins, ends, is_tender in history
        if is_tender and ends is None
    }
    return {code: get_currency_name(code, locale="en") for code in sorted(codes)}


CURRENCIES = _current()
