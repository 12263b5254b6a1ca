"""Customers: by number, payment reference, account code, contact, phone, and by the words of what they are known by."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, select

from portal.domain.names import name_key, search_key
from portal.domain.payment_reference import payment_reference
from portal.domain.phone_numbers import international
from portal.domain.searching import Rank, Typed
from portal.domain.wording import listed, money_in
from portal.extensions import db
from portal.models import AccountCode, Contact, Customer
from portal.services.credit.owing import sums_to_pay
from portal.services.parts import LETTERS, begins, threes_of, with_threes
from portal.services.search.dids import rank_of_number
from portal.services.search.hits import SHOWN, Hit, Hits, Kind, best
from portal.services.search.words import holds_letters, ids_of, ids_of_each, ids_with_words

# What customers are found by besides their names, numbers and codes, in words.
FIELDS = {
    "city": "town",
    "email": "e-mail",
    "postcode": "postcode",
    "legal_name": "legal name",
    "company_details": "company details",
    "vat_id": "VAT ID",
    "registration_number": "registration number",
}

# Of a text of more words than this none is looked for in a code, or a contact, while its customer holds the others.
WITH_ONE = 8
# Up to so many customers who hold the others are asked for their codes and contacts; where they are more, all codes and
# contacts that hold the one are gone through.
FEW = 100


# The customers that hold all words but one, by that word; None where they are too many to be named.
Others = dict[str, Sequence[int] | None]


class Known(NamedTuple):
    """A customer that may fit: the codes and contacts of theirs that do, and parts of phone numbers that were typed."""

    customer: Customer
    codes: Sequence[str]
    contacts: Sequence[Contact]
    numbers: Collection[str]


class Fits(NamedTuple):
    """A customer that fits: how well, whether by the name, and why. In this order the best stand first."""

    rank: Rank
    is_archived: bool
    is_by_other: bool
    key: str
    id: int
    why: str
    customer: Customer


def find_customers(typed: Typed, numbers: Collection[str] = ()) -> Hits:
    """The customers that fit, each with what is to pay; `numbers` are parts of phone numbers that were typed."""
    fits, more = fitting(typed, numbers)
    if not fits:
        return Hits(Kind.CUSTOMER)
    shown = [one.customer for one in fits[:SHOWN]]
    to_pay = sums_to_pay([customer.id for customer in shown])
    rows = [
        Hit(Kind.CUSTOMER, one.id, one.customer.name, one.rank, one.why, _known(one.customer, to_pay))
        for one in fits[:SHOWN]
    ]
    return best(Kind.CUSTOMER, rows, more or len(fits) > SHOWN)


def _known(customer: Customer, to_pay: dict[int, Decimal]) -> tuple[str, ...]:
    left = to_pay[customer.id]
    owes = f"to pay {money_in(left, customer.currency)}" if left else "nothing to pay"
    return (*(["archived"] if customer.archived_on else []), owes)


def fitting(typed: Typed, numbers: Collection[str] = ()) -> tuple[list[Fits], bool]:
    """The customers that fit, the best first, as far as they were looked at; and whether there are more."""
    others = _few_with_the_others(typed)
    codes, more_codes = _codes(typed, others)
    contacts, more_contacts = _contacts(typed, numbers, others)
    ids, more = ids_with_words(Customer, typed, *_with_phone(Customer, numbers))
    named = {id for id in (typed.customer_id, typed.payer_id) if id}
    looked_at = {*ids, *codes, *contacts, *named}
    if not looked_at:
        return [], False
    query = select(Customer).where(Customer.id.in_(sorted(looked_at)))
    known = (
        Known(customer, codes.get(customer.id, ()), contacts.get(customer.id, ()), numbers)
        for customer in db.session.scalars(query)
    )
    fits = (_fit(one, typed) for one in known)
    return sorted((one for one in fits if one), key=lambda one: one[:5]), more or more_codes or more_contacts


def _with_phone(model: Any, numbers: Collection[str]) -> list[Select[int]]:
    """Whoever has a phone number that holds one of these parts, in E.164 as it is stored; of "+4" that is too many."""
    parts = [part for part in numbers if len(part) >= LETTERS]
    return [
        with_threes(model, threes_of(part), model.id).where(model.phone.contains(part, autoescape=True))
        for part in parts
    ]


def _contacts(
    typed: Typed, numbers: Collection[str], others: Others
) -> tuple[dict[int, list[Contact]], bool]:
    """The contacts that hold all the words, or one while their customer holds the others, or a number, by customer."""
    if not typed.words:
        return {}, False
    ways = _with_phone(Contact, numbers)
    ways += _while_customers_hold_the_others(Contact, typed, others)
    ids, more = ids_with_words(Contact, typed, *ways)
    if not ids:
        return {}, False
    contacts: dict[int, list[Contact]] = defaultdict(list)
    for contact in db.session.scalars(
        select(Contact).where(Contact.id.in_(sorted(ids))).order_by(Contact.id)
    ):
        contacts[contact.customer_id].append(contact)
    return contacts, more


def _codes(typed: Typed, others: Others) -> tuple[dict[int, list[str]], bool]:
    """The account codes that begin with what was typed, or hold a word of it, by customer."""
    if not typed.words:
        return {}, False
    ids, more = ids_of(list(_code_ways(typed, others)))
    if not ids:
        return {}, False
    query = select(AccountCode.customer_id, AccountCode.code).where(AccountCode.id.in_(sorted(ids)))
    codes: dict[int, list[str]] = defaultdict(list)
    for customer_id, code in db.session.execute(query.order_by(AccountCode.key)):
        codes[customer_id].append(code)
    return codes, more


def _code_ways(typed: Typed, others: Others) -> Iterator[Select[int]]:
    """Codes that begin with all of it, or hold all the words, or hold one while their customer holds the others."""
    ids, long = select(AccountCode.id), [word for word in typed.words if len(word) >= LETTERS]
    yield ids.where(begins(AccountCode.key, name_key(typed.text))).order_by(AccountCode.key)
    if long:
        whole = with_threes(AccountCode, set().union(*map(threes_of, long)), AccountCode.id)
        yield whole.where(*(_in_code(word) for word in typed.words))
    yield from _while_customers_hold_the_others(AccountCode, typed, others)


def _few_with_the_others(typed: Typed) -> Others:
    """For each long word the customers that hold all the others; None where they are many, or the others are short."""
    if not 1 < len(typed.words) <= WITH_ONE:
        return {}
    few: Others = {word: None for word in typed.words if len(word) >= LETTERS}
    ways = {word: way for word in few if (way := _with_the_others(typed, word)) is not None}
    if ways:
        for word, ids in zip(ways, ids_of_each(list(ways.values()), FEW + 1), strict=True):
            few[word] = ids if len(ids) <= FEW else None
    return few


def _with_the_others(typed: Typed, word: str) -> Select[int] | None:
    """The customers that hold all words but this, by their threes; None where those are too short to have any."""
    others = [other for other in typed.words if other != word]
    threes = set().union(*map(threes_of, others))
    if not threes:
        return None
    return with_threes(Customer, threes, Customer.id).where(
        *(holds_letters(Customer, other) for other in others)
    )


def _while_customers_hold_the_others(model: Any, typed: Typed, others: Others) -> Iterator[Select[int]]:
    """Codes, or contacts, that hold one of the words while their customer holds the others."""
    for word, customers in others.items():
        if customers is not None:
            if customers:
                yield select(model.id).where(model.customer_id.in_(customers), holds_letters(model, word))
            continue
        held = (holds_letters(Customer, other) for other in typed.words if other != word)
        way = with_threes(model, threes_of(word), model.id)
        way = way.join(Customer, Customer.id == model.customer_id)
        yield way.where(holds_letters(model, word), *held)


def _in_code(word: str) -> ColumnElement[bool]:
    return AccountCode.search_key.contains(word, autoescape=True)


def _fit(known: Known, typed: Typed) -> Fits | None:
    """How a customer fits, and why; None for one that holds not all of the words."""
    found = _why(known, typed)
    if found is None:
        return None
    (rank, why), customer = found, known.customer
    return Fits(
        rank, bool(customer.archived_on), why != "by name", customer.search_key, customer.id, why, customer
    )


def _why(known: Known, typed: Typed) -> tuple[Rank, str] | None:
    customer = known.customer
    if customer.id == typed.payer_id:
        return Rank.EXACT, f"by payment reference {payment_reference(customer.id)}"
    if customer.id == typed.customer_id:
        return Rank.EXACT, f"by number #{customer.id}"
    ranked = [(rank, "by name") for rank in [typed.rank(customer.search_key)] if rank is not None]
    for words, text in _single(known):
        if (rank := typed.rank(search_key(text))) is not None:
            ranked.append((rank, f"by {words}"))
    if customer.email and search_key(customer.email) == typed.phrase:
        ranked.append((Rank.EXACT, f"by e-mail {customer.email}"))
    ranked += _by_phone(known)
    if ranked:
        return min(ranked, key=lambda found: found[0])
    return _by_several(known, typed)


def _single(known: Known) -> Iterator[tuple[str, str]]:
    """What fits on its own, besides the name: its words, and the text that is compared."""
    for code in known.codes:
        yield f"account code {code}", code
    for contact in known.contacts:
        if contact.name:
            yield f"contact {contact.name}", contact.name
        if contact.email:
            yield f"e-mail {contact.email}{_of(contact)}", contact.email


def _by_phone(known: Known) -> Iterator[tuple[Rank, str]]:
    """By phone numbers, however they were typed."""
    phones = [(known.customer.phone, ""), *((contact.phone, _of(contact)) for contact in known.contacts)]
    for phone, of in phones:
        if any(part in phone for part in known.numbers):
            yield rank_of_number(phone, known.numbers), f"by phone {international(phone)}{of}"


def _of(contact: Contact) -> str:
    return f" of {contact.name}" if contact.name else ""


def _by_several(known: Known, typed: Typed) -> tuple[Rank, str] | None:
    """By words of which each stands somewhere: in the name, in a detail, in a code, at a contact."""
    customer = known.customer
    texts = {"name": customer.search_key}
    texts |= {
        f"{words} {text}": search_key(text)
        for field, words in FIELDS.items()
        if (text := getattr(customer, field))
    }
    texts |= {words: search_key(text) for words, text in _single(known)}
    texts |= {
        f"phone {international(phone)}{of}": phone
        for phone, of in [(customer.phone, ""), *((one.phone, _of(one)) for one in known.contacts)]
        if phone
    }
    rank = typed.rank(" " + " ".join(texts.values()))
    if rank is None:
        return None
    return rank, "by " + listed(_told(texts, typed.words))


def _told(texts: dict[str, str], words: Collection[str]) -> list[str]:
    """Which of the texts hold the words: the first for each word."""
    holding = (next((said for said, text in texts.items() if word in text), "") for word in words)
    return list(dict.fromkeys(filter(None, holding)))
