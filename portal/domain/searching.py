"""What somebody types into the one search, and everything that it can mean: a name, a number, an amount, an act.

Nothing is chosen here between the meanings: `7` is a customer's number, a charge's and an amount. What is found says
itself why it was.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum

from portal.domain.bank_reference import reference_letters
from portal.domain.currencies import CURRENCIES
from portal.domain.money import AMOUNT_BELOW, parse_decimal
from portal.domain.names import CUSTOMER_NUMBER, search_words, written
from portal.domain.payment_reference import payment_reference
from portal.domain.phone_numbers import in_ascii

LONGEST = 200
MILLIONTH = Decimal("0.000001")
# Ids that are longer are nobody's.
CHARGE_NUMBER = re.compile(r"(?:charge )?(\d{1,18})", re.ASCII | re.IGNORECASE)
RUN_NUMBER = re.compile(r"(?:run )?(\d{1,18})", re.ASCII | re.IGNORECASE)
REFERENCE = re.compile(r"RF\d\d(\d{1,18})", re.ASCII)
# References that begin with fewer letters are too many to be of help.
REFERENCE_SHORTEST = 3
SIGNS = str.maketrans("", "", "£$€¥")
THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?", re.ASCII)
THOUSANDS_WITH_DOTS = re.compile(r"\d{1,3}(\.\d{3})+,\d+", re.ASCII)
DECIMAL_COMMA = re.compile(r"\d+,\d{1,2}", re.ASCII)
# What words begin behind.
BETWEEN = re.compile(r"[^\w]+")


class Rank(IntEnum):
    """How well something fits what was typed; the lower the better."""

    EXACT = 0
    BEGINS = 1
    WORDS = 2
    WITHIN = 3


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed, read in each way that it can be meant.

    `phrase` is the text as a search key has it, `words` are its words, each once. `customer_id` and `payer_id` are ids
    that a #number and a payment reference name, whether or not there is such a customer; `charge_id` and `run_id`
    likewise.
    `reference` is the letters that a bank reference is told apart by, empty where they are too few. `currency` narrows
    an amount, empty where none was typed.
    """

    text: str
    phrase: str = ""
    words: tuple[str, ...] = ()
    customer_id: int | None = None
    payer_id: int | None = None
    charge_id: int | None = None
    run_id: int | None = None
    amount: Decimal | None = None
    currency: str = ""
    reference: str = ""

    def rank(self, key: str) -> Rank | None:
        """How a search key fits the words, in any order; None where it does not hold them all."""
        if key == self.phrase:
            return Rank.EXACT
        if key.startswith(self.phrase):
            return Rank.BEGINS
        if all(begins_a_word(key, word) for word in self.words):
            return Rank.WORDS
        return Rank.WITHIN if all(word in key for word in self.words) else None


def read(text: str) -> Typed:
    """What the first LONGEST letters of a text can mean."""
    text = written(text[:LONGEST])
    charge, run = CHARGE_NUMBER.fullmatch(text), RUN_NUMBER.fullmatch(text)
    customer = CUSTOMER_NUMBER.fullmatch(text if text.startswith("#") else f"#{text}")
    amount, currency = read_amount(text)
    letters = reference_letters(text)
    return Typed(
        text=text,
        phrase=" ".join(search_words(text)),
        words=tuple(dict.fromkeys(search_words(text))),
        customer_id=int(customer[1]) if customer else None,
        payer_id=read_reference(text),
        charge_id=int(charge[1]) if charge else None,
        run_id=int(run[1]) if run else None,
        amount=amount,
        currency=currency,
        reference=letters if len(letters) >= REFERENCE_SHORTEST else "",
    )


def read_reference(text: str) -> int | None:
    """The id of the customer whose payment reference this is, however it is spaced; None where its digits are wrong."""
    compact = "".join(in_ascii(text).split()).upper()
    found = REFERENCE.fullmatch(compact)
    return int(found[1]) if found and payment_reference(int(found[1])) == compact else None


def read_amount(text: str) -> tuple[Decimal | None, str]:
    """An amount as people write it, and its currency's code where there is one: `1,234.50`, `12,50 EUR`, `£30`."""
    words, currency = in_ascii(text).translate(SIGNS).split(), ""
    for place in (0, -1):
        if len(words) > 1 and words[place].upper() in CURRENCIES:
            currency = words.pop(place).upper()
            break
    number = "".join(words) if len(words) == 1 else ""
    if THOUSANDS.fullmatch(number):
        number = number.replace(",", "")
    elif THOUSANDS_WITH_DOTS.fullmatch(number):
        number = number.replace(".", "").replace(",", ".")
    elif DECIMAL_COMMA.fullmatch(number):
        number = number.replace(",", ".")
    try:
        amount = parse_decimal(number)
    except ValueError:
        return None, ""
    can_be = 0 < amount < AMOUNT_BELOW and amount == amount.quantize(MILLIONTH)
    return (amount, currency) if can_be else (None, "")


def begins_a_word(key: str, word: str) -> bool:
    """Whether some word of a search key begins with `word`; signs stand between words, too."""
    place = key.find(word)
    while place > 0 and BETWEEN.fullmatch(key[place - 1]) is None:
        place = key.find(word, place + 1)
    return place >= 0


# -- acts


@dataclass(frozen=True, slots=True)
class Act:
    """Something that can be done, in the words of its button. Of whom: "" nobody, else a customer.

    `needs_customer` where it cannot be begun without one.
    """

    name: str
    words: str
    of_customer: bool = False
    needs_customer: bool = False


ACTS = (
    Act("add_payment", "Add payment", True, True),
    Act("assign_package", "Assign package", True, True),
    Act("run", "Run Package", True),
    Act("summary", "Charge summary", True, True),
    Act("add_charge", "Add manual charge", True),
    Act("pay_back", "Pay back", True, True),
    Act("adjust_balance", "Adjust balance", True, True),
    Act("edit_customer", "Edit customer", True, True),
    Act("add_customer", "Add customer"),
    Act("add_package", "Add package"),
    Act("add_dids", "Add DIDs"),
    Act("import_calls", "Import calls"),
)


@dataclass(frozen=True, slots=True)
class MeantAct:
    """An act that was typed; `of` are the words behind it, which name a customer. `is_named`: in whole words."""

    act: Act
    of: tuple[str, ...]
    is_named: bool


def acts_meant(words: Sequence[str]) -> list[MeantAct]:
    """The acts that words begin with, each word by its beginning: `add pay harb` is Add payment, of harb.

    The verb may be left out, as in `payment harbour`, and so may what comes behind it, as in `run`. Of acts that share
    words those are meant that have most of what was typed. One letter is no act: it would stand among all that is found
    by it.
    """
    if not words or len(words[0]) == 1:
        return []
    typed = {act: _typed_of(_words_of(act), words) for act in ACTS}
    most = max(typed.values())
    meant = [act for act in ACTS if typed[act] == most > 0]
    of = tuple(words[most:])
    return [MeantAct(act, of, _is_named(act, words[:most])) for act in meant if act.of_customer or not of]


def _words_of(act: Act) -> list[str]:
    return act.words.lower().split()


def _is_named(act: Act, words: Sequence[str]) -> bool:
    """Whether these are its words in whole, or its verb in whole, which no other act has."""
    own = _words_of(act)
    has_verb = [other for other in ACTS if _words_of(other)[0] == own[0]]
    return list(words) == own or (list(words) == own[:1] and has_verb == [act])


def _typed_of(own: Sequence[str], words: Sequence[str]) -> int:
    """How many of the words typed first are of an act: each the beginning of one of its words, in their order."""
    place = typed = 0
    for word in words:
        rest = [number for number, one in enumerate(own[place:], place) if one.startswith(word)]
        if not rest or (typed and rest[0] != place):
            break
        place, typed = rest[0] + 1, typed + 1
    return typed
