"""The check digits of IBANs and of creditor references (ISO 7064, MOD 97-10)."""

from string import ascii_uppercase, digits

VALUES = {letter: str(value) for value, letter in enumerate(digits + ascii_uppercase)}


def remainder(text: str) -> int:
    """What is left of digits and capital letters, the first four put last, when they are divided by 97; 1 is right."""
    return int("".join(VALUES[letter] for letter in text[4:] + text[:4])) % 97


def check_digits(country: str, rest: str) -> str:
    """The two digits that stand between the first two letters and the rest."""
    return f"{98 - remainder(f'{country}00{rest}'):02d}"


def in_fours(text: str) -> str:
    """As banks write long numbers: in groups of four."""
    return " ".join(text[place : place + 4] for place in range(0, len(text), 4))
