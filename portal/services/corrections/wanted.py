"""What somebody wants corrected: the right terms, since which day, and what the customers read of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from portal.domain.days import check_day
from portal.domain.errors import Invalid, WayOut
from portal.domain.money import QUANTITY_MAX
from portal.domain.wording import listed, long_day, price_in, whole
from portal.models import Correction, Package
from portal.services.once import Receipt
from portal.services.packages.definition import PRICE_LABELS, price_problems

SENTENCE_LONGEST = 250


@dataclass(frozen=True, slots=True)
class Wanted:
    """The right terms since a day: those of the four prices that were wrong, in one currency, and the quantity.

    A price of chosen assignments that is None is the package's. They hold to the next change of the same term, or
    `for_good`. `sentence` is what each customer reads; empty, it is made.
    """

    since: date
    currency: str
    prices: Mapping[str, Decimal | None]
    quantity: int | None = None
    for_good: bool = False
    sentence: str = ""

    @property
    def said(self) -> str:
        """What each customer reads."""
        if self.sentence.strip():
            return " ".join(self.sentence.split())
        wrong = [
            name
            for name, is_wrong in (
                ("price", bool({"cost", "retail"} & set(self.prices))),
                ("setup price", bool({"setup_cost", "setup_retail"} & set(self.prices))),
                ("quantity", self.quantity is not None),
            )
            if is_wrong
        ]
        return (
            f"The {listed(wrong)} {'was' if len(wrong) == 1 else 'were'} wrong since {long_day(self.since)}."
        )

    @property
    def right(self) -> str:
        """The right terms, in words."""
        terms = [f"{PRICE_LABELS[name]} {self._price(self.prices[name])}" for name in self._named]
        if self.quantity is not None:
            terms.append(f"Quantity {whole(self.quantity)}")
        return listed(terms)

    def _price(self, right: Decimal | None) -> str:
        return "the package's" if right is None else price_in(right, self.currency)

    @property
    def _named(self) -> list[str]:
        return [name for name in PRICE_LABELS if name in self.prices]


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose terms: those of all who have a package, or of chosen assignments."""

    package: Package | None = None
    assignment_ids: tuple[int, ...] = ()


def check(wanted: Wanted, today: date) -> None:
    """Whether it can be wanted. Invalid names the field: `since`, `quantity`, `sentence`, or `retail`."""
    check_day("since", wanted.since)
    if wanted.since > today:
        raise Invalid(
            "since",
            f"Choose today, {long_day(today)}, or an earlier day. Terms that hold from a later day are changed, "
            "not corrected.",
        )
    if not wanted.prices and wanted.quantity is None:
        raise Invalid("retail", "Enter what is right: at least one price or the quantity.")
    for problem in price_problems(wanted.prices):
        raise problem
    if wanted.quantity is not None and not 1 <= wanted.quantity <= QUANTITY_MAX:
        raise Invalid("quantity", f"Quantity must be 1 to {whole(QUANTITY_MAX)}.")
    if len(wanted.said) > SENTENCE_LONGEST:
        raise Invalid("sentence", f"Too long: {SENTENCE_LONGEST} characters at most.")


def receipt(made: Correction) -> Receipt:
    """What was corrected, and the way to it, for whoever sends the same form again."""
    way = WayOut("See the correction", "corrections.show", {"correction_id": made.id})
    return f"{made.right} was corrected back to {long_day(made.since)}", way
