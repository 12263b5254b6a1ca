"""Account codes: under which files and other systems know a customer. Any number each, all of them different.

A code is found before a name, so none may be equal to another customer's name, nor a new name to somebody's code.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy import func, inspect, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.attributes import flag_modified

from portal.domain.csv_files.cells import SHORTENED
from portal.domain.errors import Invalid
from portal.domain.names import NAME_TOO_LONG, is_key_too_long, name_key, search_words, written
from portal.domain.wording import whole
from portal.extensions import db
from portal.models import AccountCode, Customer
from portal.services.among import among
from portal.services.chunks import in_chunks

CODE_MAX = 80
CODES_MAX = 2_000
FIELD = "account_codes"
BETWEEN = re.compile(r"[,\r\n]+")
NUMBER = re.compile(r"#\d{1,18}", re.ASCII)
# Whoever gives names or codes waits for whoever is giving some (PostgreSQL; the number means nothing elsewhere).
GIVING = 0x6E616D65


def split(text: str) -> tuple[str, ...]:
    """The codes of a text: one a line, or with commas between them; each once, whatever its case."""
    codes = map(written, BETWEEN.split(text))
    found: dict[str, str] = {}
    for code in codes:
        if code:
            found.setdefault(name_key(code), code)
    return tuple(found.values())


def codes_of(customer: Customer) -> tuple[str, ...]:
    """A customer's codes, in their order."""
    return tuple(row.code for row in customer.account_codes)


def meant_codes(customers: Iterable[Customer], text: str) -> dict[int, str]:
    """The code by which each customer is found who is found by a code: the first that holds a word of `text`."""
    words = search_words(text)
    found = {
        customer.id: next(
            (row.code for row in customer.account_codes if any(word in row.search_key for word in words)), ""
        )
        for customer in customers
    }
    return {id: code for id, code in found.items() if code}


def give(customer: Customer, codes: Sequence[str]) -> bool:
    """Let these be a customer's codes, and no others; whether that changes anything. Invalid names whose one is."""
    wanted = {name_key(code): code for code in map(written, codes)}
    stand = {row.key: row.code for row in customer.account_codes}
    if wanted == stand:
        return False
    if len(wanted) > CODES_MAX:
        raise Invalid(FIELD, f"Enter {whole(CODES_MAX)} codes at most; these are {whole(len(wanted))}.")
    new = [code for key, code in wanted.items() if key not in stand]
    for code in new:
        check_form(code)
    lock_names()
    check_free(new, customer)
    if inspect(customer).persistent:
        _store(customer, wanted, new)
    else:
        customer.account_codes = _rows(wanted.items())
    return True


class Taken:
    """Who has names and codes that many customers are to have, looked up together."""

    def __init__(self, names: Iterable[str], codes: Iterable[str]) -> None:
        code_keys, name_keys = {name_key(code) for code in codes}, {name_key(name) for name in names}
        self.by_code: dict[str, tuple[int, str]] = {}
        self.by_name: dict[str, list[int]] = {}
        self._called: dict[int, str] = {}
        keys = code_keys | name_keys
        coded = select(AccountCode.key, AccountCode.code, Customer.id, Customer.name, Customer.archived_on)
        for key, code, id, name, archived_on in db.session.execute(
            coded.join(Customer).where(among(AccountCode.key, keys))
        ):
            self.by_code[key] = id, code
            self._called[id] = _called_so(id, name, archived_on)
        named = select(Customer.name_key, Customer.id, Customer.name, Customer.archived_on)
        for key, id, name, archived_on in db.session.execute(
            named.where(among(Customer.name_key, keys)).order_by(Customer.id)
        ):
            self.by_name.setdefault(key, []).append(id)
            self._called[id] = _called_so(id, name, archived_on)

    def check(self, name: str, codes: Iterable[str], customer_id: int | None) -> None:
        """What `check_name` and `check_free` refuse, of a customer with this id; None is a new one."""
        _check_number(name)
        if (found := self.by_code.get(name_key(name))) and found[0] != customer_id:
            raise Invalid("name", f"{name} is an account code of {self._called[found[0]]}.")
        for code in codes:
            check_form(code)
            key = name_key(code)
            if (found := self.by_code.get(key)) and found[0] != customer_id:
                raise Invalid(FIELD, f"{found[1]} is an account code of {self._called[found[0]]}.")
            others = [id for id in self.by_name.get(key, ()) if id != customer_id]
            if others:
                raise Invalid(FIELD, f"{code} is the name of customer #{others[0]}.")


def check_name(name: str, customer: Customer) -> None:
    """Refuse a name that means somebody else already: as their account code, or as a customer's number."""
    _check_number(name)
    query = select(AccountCode).where(AccountCode.key == name_key(name))
    for row in db.session.scalars(query):
        if row.customer is not customer:
            raise Invalid("name", f"{name} is an account code of {_called(row.customer)}.")


def check_free(codes: Sequence[str], customer: Customer) -> None:
    """Refuse codes that are another customer's, or another customer's name."""
    by_key = {name_key(code): code for code in codes}
    keys = list(by_key)
    with db.session.no_autoflush:
        for some in in_chunks(keys):
            for row in db.session.scalars(select(AccountCode).where(AccountCode.key.in_(some))):
                if row.customer is not customer:
                    raise Invalid(FIELD, f"{row.code} is an account code of {_called(row.customer)}.")
            for other in db.session.scalars(select(Customer).where(Customer.name_key.in_(some))):
                if other is not customer:
                    raise Invalid(
                        FIELD, f"{by_key[other.name_key]} is the name of customer {_number(other)}."
                    )


def lock_names() -> None:
    """Let nobody else give a name or a code until this transaction ends. (SQLite has one writer at a time.)"""
    connection = db.session.connection()
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(GIVING)))


def _check_number(name: str) -> None:
    if NUMBER.fullmatch(name):
        raise Invalid("name", f"{name} is a customer number, not a name. Enter a name.")


def check_form(code: str) -> None:
    """Refuse what cannot be a code, whoever's it is."""
    if len(code) > CODE_MAX:
        raise Invalid(FIELD, f"{code[:40]}… is too long: {CODE_MAX} characters at most.")
    if is_key_too_long(code):
        raise Invalid(FIELD, NAME_TOO_LONG)
    if code.startswith("#"):
        raise Invalid(FIELD, f"{code} begins with #, as a customer number does. Leave out the #.")
    if not code.isprintable():
        raise Invalid(FIELD, f"{code!r} contains control characters.")
    if SHORTENED.fullmatch(code):
        raise Invalid(FIELD, f"A spreadsheet has shortened {code}: enter all of its digits.")


def _store(customer: Customer, wanted: dict[str, str], new: Sequence[str]) -> None:
    stay = [row for row in customer.account_codes if wanted.get(row.key) == row.code]
    kept = {row.key for row in stay}
    more = _rows(pair for pair in wanted.items() if pair[0] not in kept)
    try:
        with db.session.begin_nested():
            if len(more) > len(new):  # one is spelt in other letters now: the row with its key goes first
                customer.account_codes = stay
                db.session.flush()
            customer.account_codes = [*stay, *more]
            # The codes stand in rows of their own; whoever has the customer open must be told all the same.
            flag_modified(customer, "search_key")
    except IntegrityError:  # somebody else was quicker
        check_free(new, customer)
        raise
    customer.account_codes.sort(key=_place)


def rows_of(codes: Sequence[str]) -> list[AccountCode]:
    """Codes as they are stored, for a customer who has none yet."""
    return _rows({name_key(code): code for code in map(written, codes)}.items())


def _rows(pairs: Iterable[tuple[str, str]]) -> list[AccountCode]:
    return sorted((AccountCode(code=code) for _, code in pairs), key=_place)


def _place(row: AccountCode) -> tuple[str, str]:
    """Where a code stands among a customer's, as the database sorts them."""
    return row.search_key, row.key


def _called(customer: Customer) -> str:
    return _called_so(customer.id, customer.name, customer.archived_on)


def _called_so(id: int, name: str, archived_on: date | None) -> str:
    return f"{name} (#{id}{', archived' if archived_on else ''})"


def _number(customer: Customer) -> str:
    return f"#{customer.id}{', archived' if customer.archived_on else ''}"
