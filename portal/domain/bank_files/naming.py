"""Payment references and names of payers, in whatever banks and people write."""

import re
from collections.abc import Iterable, Iterator

from portal.domain.names import search_key
from portal.domain.payment_reference import payment_reference

# R and F, then digits, with anything between them that people put there.
BETWEEN = r"[\s.,\-–/:_+]*"
RUN = re.compile(rf"(?<![0-9A-Za-z])R{BETWEEN}F{BETWEEN}((?:\d{BETWEEN})+)", re.IGNORECASE | re.ASCII)
GROUP_ENDS = re.compile(r"\d(?!\d)", re.ASCII)
DIGITS_MAX = 20
# Legal forms, each with the ways in which it is written; they make no name another one.
FORMS = (
    "limited", "ltd", "plc", "llp", "llc", "inc", "incorporated", "corp", "corporation", "co", "company", "gmbh", "mbh",
    "ag", "kg", "ohg", "ug", "ev", "eg", "se", "bv", "nv", "vof", "sa", "sarl", "sas", "eurl", "srl", "spa", "sl",
    "slu", "lda", "ab", "as", "aps", "oy", "oyj", "kft", "sro", "doo", "pty", "pte", "pvt", "and", "und", "cie",
    "haftungsbeschrankt",
)  # fmt: skip
TITLES = ("mr", "mrs", "ms", "miss", "dr", "herr", "frau", "firma", "fa")
NO_LETTER = re.compile(r"[^0-9a-z]+")


def numbers_in(texts: Iterable[str]) -> set[int]:
    """The customers' numbers that the payment references in some texts mean: their check digits are right.

    A reference may be spaced in any way; where digits follow it after a space, each way to read it counts.
    """
    return {number for text in texts for number in _numbers(text)}


def _numbers(text: str) -> Iterator[int]:
    for run in RUN.finditer(text):
        for end in GROUP_ENDS.finditer(run[1]):
            digits = re.sub(r"\D", "", run[1][: end.end()])
            if len(digits) > DIGITS_MAX:
                break
            rest = digits[2:]
            if rest and rest[0] != "0" and payment_reference(int(rest)) == f"RF{digits}":
                yield int(rest)


def payer_name(name: str) -> str:
    """A name as payers are told apart: whatever its case, its signs, its legal form; empty where nothing is left."""
    words = [word for word in NO_LETTER.sub(" ", search_key(name).replace(".", "")).split() if word]
    while words and words[0] in TITLES:
        words = words[1:]
    while len(words) > 1 and words[-1] in FORMS:
        words = words[:-1]
    return " ".join(words)


def begin_of(name: str) -> str:
    """How the search key of the same party's name begins, whatever legal form follows; empty where nothing is left."""
    words = search_key(name).split()
    while words and words[0].strip(".") in TITLES:
        words = words[1:]
    while len(words) > 1 and NO_LETTER.sub("", words[-1]) in ("", *FORMS):
        words = words[:-1]
    return " ".join(words).rstrip(",.")


def payer_key(account: str, email: str, name: str) -> str:
    """What a payer is remembered by: the account, else the e-mail, else the name; empty where there is none."""
    if account:
        return f"account {account}"
    if email:
        return f"email {email}"
    plain = payer_name(name)
    return f"name {plain}" if plain else ""
