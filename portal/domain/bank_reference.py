"""Bank references: what tells one transaction from another (billing-rules 13)."""

import re

# Words that banks put where nobody gave a reference (ISO 20022 and what is like it): they tell nothing.
NO_REFERENCE = frozenset({"notprovided", "notavailable", "none", "na", "noref", "noreference", "nonref"})


def reference_key(method: str, text: str, own: str) -> str:
    """What a payment's method and reference are told apart by; empty where they tell nothing.

    Spaces, hyphens and the like, and capitals, make no difference: statements differ in them. `own` is the customer's
    payment reference: the same with every payment of theirs, it tells none from another.
    """
    letters = _letters(text)
    if not letters or letters in NO_REFERENCE or letters == _letters(own):
        return ""
    return f"{method} {letters}"


def _letters(text: str) -> str:
    return re.sub(r"[^0-9a-z]", "", text.casefold()) or re.sub(r"\s", "", text.casefold())
