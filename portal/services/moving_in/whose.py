"""Whose a line is: the customer it names, by account code, else by name, else by number (billing-rules 17)."""

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from portal.domain.errors import RuleBroken
from portal.domain.names import name_key
from portal.domain.wording import whole
from portal.extensions import db
from portal.models import Customer
from portal.services.among import among
from portal.services.customers.account_codes import Taken
from portal.services.moving_in.kind import Item

NUMBER = re.compile(r"#(\d{1,18})", re.ASCII)


def named(says: Mapping[str, Any]) -> str:
    """Whom a line names, as names are compared: whatever is stored, the same text means the same customer."""
    return name_key(says.get("account_code") or says.get("customer") or "")


_PARTS = selectinload(Customer.tax_rates), selectinload(Customer.account_codes)


class Whose:
    """The customers whom some lines name, read together."""

    def __init__(self, items: Sequence[Item]) -> None:
        texts = {text for item in items for text in _texts(item.says)}
        self._taken = Taken(texts, texts)
        numbers = {int(found[1]) for text in texts if (found := NUMBER.fullmatch(text.strip()))}
        ids = numbers | {id for id, _ in self._taken.by_code.values()}
        ids |= {id for some in self._taken.by_name.values() for id in some}
        self.ids = ids

    @cached_property
    def _customers(self) -> dict[int, Customer]:
        """The customers as they are stored when the first one is asked for."""
        query = select(Customer).where(among(Customer.id, self.ids)).options(*_PARTS)
        return {one.id: one for one in db.session.scalars(query.execution_options(populate_existing=True))}

    def of(self, says: Mapping[str, Any]) -> Customer:
        """The customer of a line. RuleBroken says why there is none, or why it cannot be theirs."""
        found = self._named(says)
        currency = says.get("currency")
        if currency and currency != found.currency:
            raise RuleBroken(f"It is in {currency}, but {found.name} is charged in {found.currency}.")
        return found

    def _named(self, says: Mapping[str, Any]) -> Customer:
        texts = _texts(says)
        if not texts:
            raise RuleBroken("This line does not say whose it is.")
        for text in texts:
            if coded := self._taken.by_code.get(name_key(text)):
                return self._customers[coded[0]]
        code = says.get("account_code", "")
        for text in texts:
            if found := self._called(text):
                if code and text != code and found.account_codes:
                    # As in files of customers: with a code of its own, that is a namesake.
                    raise RuleBroken(
                        f"No customer has the account code {code}: {found.name} has "
                        f"{found.account_codes[0].code}. Add the code to the customer who is meant."
                    )
                return found
            number = NUMBER.fullmatch(text.strip())
            if number and int(number[1]) in self._customers:
                return self._customers[int(number[1])]
        if code:
            raise RuleBroken(f"No customer has the account code {code}.")
        raise RuleBroken(f"No customer is called {texts[0]}.")

    def _called(self, name: str) -> Customer | None:
        """Who is called so: of namesakes the active one. RuleBroken where that is more than one."""
        found = [self._customers[id] for id in self._taken.by_name.get(name_key(name), ())]
        found = [one for one in found if not one.archived_on] or found
        if len(found) > 1:
            raise RuleBroken(f"{whole(len(found))} customers are called {name}: name one by an account code.")
        return found[0] if found else None


def _texts(says: Mapping[str, Any]) -> list[str]:
    return [text for name in ("account_code", "customer") if (text := says.get(name, ""))]
