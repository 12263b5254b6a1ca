"""How names and account codes are compared: whatever their case, and however many spaces stand in them."""


def folded(text: str) -> str:
    """A name as names are compared."""
    return " ".join(text.casefold().split())
