"""Forms that count once: known by the token that each carries, and by what they say.

Sent twice (a double click, a page sent again) a form makes one thing, and is answered with it. The same token with
other content makes nothing: the refusal says what was stored, and leads there. Without a token nothing is stored.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from hashlib import sha256
from typing import Any, TypeVar

from sqlalchemy import Select, inspect
from sqlalchemy.exc import IntegrityError

from portal.domain.errors import Invalid, RuleBroken, WayOut
from portal.domain.wording import digits
from portal.extensions import db
from portal.models import SentForm

TOKEN_MAX = 64
NO_TOKEN = "The form's one-time token was missing, so nothing was saved. Check the form and send it again."
REMOVED = "This form was already sent, and what it created has since been removed. Open a new form."

Thing = TypeVar("Thing")
# What was stored, as in "a payment of 24.00 GBP of Acme was recorded", and the way to it.
Receipt = tuple[str, WayOut]


@dataclass(frozen=True, slots=True)
class Sent:
    """A form as it was sent: which form, its token, and all that it says (values, rows of models, dataclasses)."""

    form: str
    token: str
    content: object
    token_max: int = TOKEN_MAX

    @property
    def digest(self) -> str:
        """A digest of what it says: two that say the same have the same."""
        return sha256(json.dumps(_plain(self.content)).encode()).hexdigest()


class AlreadySent(RuleBroken):
    """The form was sent before, with other content. The sentence says what was stored then."""

    def __init__(self, stored: SentForm) -> None:
        super().__init__(
            f"This form was already sent with different content: {stored.said}. Nothing more was saved. "
            "Open a new form to send another one.",
            WayOut(**json.loads(stored.leads_to)),
        )


def was_sent(sent: Sent) -> SentForm | None:
    """What is kept of the same form, sent before; None where it was not.

    Invalid for a form without a token; AlreadySent where it said something else.
    """
    token = sent.token
    if not token.strip() or len(token) > sent.token_max or not token.isprintable():
        raise Invalid("token", NO_TOKEN)
    stored = db.session.get(SentForm, (sent.form, token))
    if stored and stored.digest != sent.digest:
        raise AlreadySent(stored)
    return stored


def keep(sent: Sent, told: Receipt) -> None:
    """Keep that a form has made something. IntegrityError where somebody else was quicker."""
    said, way = told
    leads_to = json.dumps({"label": way.label, "endpoint": way.endpoint, "values": way.values})
    db.session.add(
        SentForm(form=sent.form, token=sent.token, digest=sent.digest, said=said, leads_to=leads_to)
    )
    db.session.flush()


def once(
    sent: Sent, query: Select[Thing], make: Callable[[], Thing], tell: Callable[[Thing], Receipt]
) -> tuple[Thing, bool]:
    """Make and store a thing, or find with `query` the one that the same form has made; whether it is new.

    `make` checks what was asked for and builds the thing, not yet stored; what it raises is raised.
    """
    if was_sent(sent):
        return _made(query), False
    try:
        thing = make()
    except RuleBroken:
        # Perhaps it only stands in the way because the other click was quicker.
        if was_sent(sent):
            return _made(query), False
        raise
    try:
        with db.session.begin_nested():
            db.session.add(thing)
            db.session.flush()
            keep(sent, tell(thing))
    except IntegrityError:  # the other click was quicker
        if was_sent(sent):
            return _made(query), False
        raise
    return thing, True


def _made(query: Select[Thing]) -> Thing:
    found = db.session.scalars(query).first()
    if found is None:
        raise RuleBroken(REMOVED)
    return found


def _plain(value: Any) -> Any:
    """A value as JSON writes it, the same for the same content."""
    match value:
        case Enum():
            return _plain(value.value)
        case None | bool() | int() | str():
            return value
        case Decimal():
            return digits(value)
        case date():
            return value.isoformat()
        case db.Model():
            return [value.__class__.__name__, *(inspect(value).identity or ())]
        case Mapping():
            return {str(key): _plain(one) for key, one in sorted(value.items())}
        case Sequence():
            return [_plain(one) for one in value]
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    raise TypeError(f"What a form says holds no {type(value).__name__}.")
