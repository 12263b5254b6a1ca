"""What a text asks of paper by the script that it is written in: which way it runs, and whose shapes it has."""

import re
from typing import Any

# Unicode's first-strong isolate: the first letter in it says which way it runs.
ISOLATE, END_OF_ISOLATE = "\u2068", "\u2069"
# Letters that run from right to left, and the marks that make others do so.
RIGHT_TO_LEFT = re.compile(
    "[\u0590-\u08ff\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufefe"
    "\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
IDEOGRAPH = re.compile(
    "[\u2e80-\u2fdf\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
KANA = re.compile("[\u3041-\u30ff\u31f0-\u31ff\uff66-\uff9f]")
HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff]")


def both_ways(data: Any) -> Any:
    """The data of a paper, each text in it that has letters from right to left set apart."""
    if isinstance(data, str):
        return apart(data)
    if isinstance(data, list):
        return [both_ways(item) for item in data]
    if isinstance(data, dict):
        return {name: both_ways(value) for name, value in data.items()}
    return data


def apart(text: str) -> str:
    """A text that runs its own way, and leaves what stands beside it where it is."""
    return f"{ISOLATE}{text}{END_OF_ISOLATE}" if RIGHT_TO_LEFT.search(text) else text


def language_of_ideographs(text: str) -> str:
    """Whose shapes ideographs have in a text that does not say its language; empty where it has none."""
    if not IDEOGRAPH.search(text):
        return ""
    return "ja" if KANA.search(text) else "ko" if HANGUL.search(text) else "zh"
