"""How names are written, told apart, searched for and sorted (billing-rules 17).

Three forms of one text: as it is stored (`written`), the key by which two names are the same name (`name_key`),
and the key by which it is found and sorted (`search_key`), which is the same on both databases.
"""

import re
import unicodedata

from anyascii import anyascii

CUSTOMER_NUMBER = re.compile(r"#(\d{1,18})", re.ASCII)
# Bytes. An index of PostgreSQL holds 2,704 in a row; a name of 120 letters of any script has far fewer.
KEY_LONGEST = 2_000
NAME_TOO_LONG = "Too long to be searched for and sorted. Enter a shorter name."

# Ticks, primes and letters that stand for an apostrophe: people type whichever their keyboard has.
APOSTROPHES = "'’‘‛`´′‵ʹʻʼʽˈˊˋ՚׳᾽᾿ꞌ＇"
# Dashes that Unicode does not call dashes: the minus and the hyphen bullet.
MORE_HYPHENS = "−⁃"
# It has a sound only beside other letters, so the table of anyascii has nothing for it.
ALEF = "ا"


class _Signs(dict[int, int | None]):
    """For `str.translate`: apostrophes and hyphens of all kinds are one each, and what cannot be seen is left out."""

    def __missing__(self, code: int) -> int | None:
        letter, kind = chr(code), unicodedata.category(chr(code))
        found: int | None = code
        if letter in APOSTROPHES:
            found = ord("'")
        elif kind == "Pd" or letter in MORE_HYPHENS:
            found = ord("-")
        elif kind == "Cf":
            found = None
        self[code] = found
        return found


SIGNS = _Signs()


def written(text: str) -> str:
    """A name as it is stored: composed (NFC), with one space between its words."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def name_key(text: str) -> str:
    """A name as names are told apart: whatever its case, its spaces and the kind of its apostrophes and hyphens.

    Marks and scripts are kept: Müller and Muller are two. Ligatures and full-width letters are the letters they
    stand for.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
        # Twice: what folding the case leaves may have another form, and a form another case.
        for _ in range(2):
            text = unicodedata.normalize("NFKC", text.translate(SIGNS)).casefold()
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.translate(SIGNS).casefold().split())


def search_key(text: str) -> str:
    """A name as it is searched for and sorted: its name key without marks, in the letters a to z.

    Two names may have the same one, such as two Chinese names that are read alike.
    """
    key = name_key(text)
    if key.isascii():
        return key
    bare = "".join(letter for letter in unicodedata.normalize("NFKD", key) if not _is_mark(letter))
    latin = "".join(map(_latin, unicodedata.normalize("NFC", bare)))
    return " ".join(latin.translate(SIGNS).casefold().split())


def search_words(text: str) -> list[str]:
    """The words of a search, each as it stands in a search key."""
    return search_key(text).split()


def is_key_too_long(text: str) -> bool:
    """Whether a name is too long for the databases to sort by, as 120 ligatures of eighteen letters each would be."""
    return any(len(key.encode(errors="replace")) > KEY_LONGEST for key in (name_key(text), search_key(text)))


def _is_mark(letter: str) -> bool:
    """Accents and the like, and the points of Hebrew and Arabic. The vowel signs of other scripts are letters."""
    place = unicodedata.combining(letter)
    return place == 1 or 10 <= place <= 36 or place >= 200


def _latin(letter: str) -> str:
    """A letter in ASCII; itself where there is nothing for it, so that it can be found all the same."""
    if letter == ALEF:
        return "a"
    # Marks, and letters that only lengthen the one before.
    silent = unicodedata.category(letter) in ("Mn", "Mc", "Me", "Lm")
    return anyascii(letter) or ("" if silent else letter)
