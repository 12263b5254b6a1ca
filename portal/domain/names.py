"""How names and account codes are compared: whatever their case, and however many spaces stand in them."""

import re


def folded(text: str) -> str:
    """A name as names are compared."""
    return " ".join(text.casefold().split())


CUSTOMER_NUMBER = re.compile(r"#(\d{1,18})", re.ASCII)
