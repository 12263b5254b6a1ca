"""Bank references: what tells one transaction from another (billing-rules 13)."""

import re

# Words that banks put where nobody gave a reference (ISO 20022 and what is like it): they tell nothing.
NO_REFERENCE = frozenset({"notprovided", "notavailable", "none", "na", "noref", "noreference", "nonref"})


def reference_key(method: str, text: str, own: str) -> str:
    """What a payment's method and reference are told apart by; empty where they tell nothing.

    Spaces, hyphens and the like, and capitals, make no difference: statements differ in them. `own` is the customer's
    payment reference: the same with every payment of theirs, it tells none from another.
    """
    letters = telling_letters(text)
    return f"{method} {letters}" if letters and letters != reference_letters(own) else ""


def telling_letters(text: str) -> str:
    """The letters of a reference that tells something; empty where there is none, or a word that stands for none."""
    letters = reference_letters(text)
    return "" if letters in NO_REFERENCE else letters


def reference_letters(text: str) -> str:
    """The digits and letters of a reference, in small letters; all but spaces where it has none of these."""
    return re.sub(r"[^0-9a-z]", "", text.casefold()) or re.sub(r"\s", "", text.casefold())
