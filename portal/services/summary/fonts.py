"""What PDFs are set in: the portal's own fonts, the system's, and those of a folder in the settings.

A letter that none of them has refuses the PDF, in a sentence that names it and the font to install: paper
never says anything else than what was typed.
"""

import re
import unicodedata
from functools import cache
from pathlib import Path

import typst

from portal.config import HERE
from portal.domain.wording import listed, whole

OWN = HERE / "fonts"
# What typst says of each letter that it could not set, once a letter.
_UNSET = re.compile(r'(?:the text|codepoint) `"(.*?)"`')
_ESCAPE = re.compile(r"\\u\{([0-9a-f]+)\}")
# How many letters a sentence names of those that one font would bring.
NAMED = 40

# The font of a letter, by the first word of its name in Unicode.
_CJK = "CJK HIRAGANA KATAKANA HANGUL BOPOMOFO KANGXI IDEOGRAPHIC FULLWIDTH HALFWIDTH PARENTHESIZED CIRCLED SQUARE"
_OWN_SANS = (
    "ARMENIAN BENGALI CHEROKEE ETHIOPIC GEORGIAN GUJARATI GURMUKHI KANNADA KHMER LAO MALAYALAM MONGOLIAN MYANMAR "
    "ORIYA SINHALA SYRIAC TAMIL TELUGU THAANA"
)
_FONTS = {
    **dict.fromkeys(_CJK.split(), "Noto Sans CJK"),
    **{script: f"Noto Sans {script.title()}" for script in _OWN_SANS.split()},
    **dict.fromkeys(("LATIN", "GREEK", "CYRILLIC", "COMBINING", "MODIFIER"), "Noto Sans"),
    "MATHEMATICAL": "Noto Sans Math",
    "TIBETAN": "Noto Serif Tibetan",
}
PICTURES = 0x1F000
ANY = "a font that has them"
# Noto Sans CJK is one font in five families, by whose shapes come first.
_REGION = re.compile(" (?:JP|KR|SC|TC|HK)$")


@cache
def fonts(folder: Path | None, system: bool = True) -> typst.Fonts:
    """All the fonts there are, looked for once."""
    return typst.Fonts(
        include_system_fonts=system,
        include_embedded_fonts=False,
        font_paths=[OWN, *([folder] if folder else [])],
    )


def unset(diagnostic: str) -> list[str]:
    """The letters that typst says it could not set, in their order in Unicode; none where something else is wrong."""
    texts = (_ESCAPE.sub(lambda code: chr(int(code[1], 16)), text) for text in _UNSET.findall(diagnostic))
    return sorted({letter for text in texts for letter in text})


def refusal(whose: str, letters: list[str], families: list[str]) -> str:
    """Why the summary of somebody cannot be set, and which fonts to install beside those there are."""
    there = {_REGION.sub("", family) for family in families}
    missing: dict[str, list[str]] = {}
    for letter in letters:
        font = _font_of(letter)
        missing.setdefault(ANY if font in there else font, []).append(_shown(letter))
    named = {font: _listed(some) for font, some in missing.items()}
    said = [
        f"The summary of {whose} cannot be created as PDF: no font here has the letters {', '.join(named.values())}."
    ]
    no_letters = named.pop("", "")
    if named:
        which = next(iter(named)) if len(named) == 1 else listed([f"{f} (for {n})" for f, n in named.items()])
        said.append(
            f"Install {which} on the server, or in the folder of PORTAL_FONTS, and start the portal again; until then, "
            "print the summary's page."
        )
    if no_letters:
        said.append(f"Remove {no_letters} from the text: no font can show it.")
    return " ".join(said)


def _listed(letters: list[str]) -> str:
    rest = f" and {whole(len(letters) - NAMED)} more" if len(letters) > NAMED else ""
    return " ".join(letters[:NAMED]) + rest


def _font_of(letter: str) -> str:
    """The font to install for a letter; empty where it is no letter."""
    name, category = unicodedata.name(letter, ""), unicodedata.category(letter)
    if category in ("Cc", "Co", "Cs"):
        return ""
    pictures = "Noto Color Emoji" if ord(letter) >= PICTURES else "Noto Sans Symbols 2"
    return _FONTS.get(name.split(" ")[0], pictures if category in ("So", "Sk") else ANY)


def _shown(letter: str) -> str:
    """A letter as it can be read in a sentence: a mark on a circle, what cannot be seen by its number."""
    category = unicodedata.category(letter)
    if category.startswith("M"):
        return f"\u25cc{letter}"
    return f"U+{ord(letter):04X}" if category.startswith(("C", "Z")) else letter
