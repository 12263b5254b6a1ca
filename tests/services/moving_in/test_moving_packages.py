"""Packages moved in from files: a line a currency, lines of one name one package, contradictions named."""

from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from portal.domain.schedule import Frequency
from portal.domain.terms import PackageType, Proration
from portal.extensions import db
from portal.models import FileKind, ImportState, MoveImport, MoveLine, Package
from portal.services.moving_in.planning import plan
from portal.services.packages.connexcs import add_connexcs_package
from portal.services.packages.definition import definition_of
from tests.services.moving_in.moving import counts, moved, sent, taken_back
from tests.trade import TODAY, a_customer, a_package, assigned

KIND = FileKind.PACKAGES
HEAD = "Name,Currency,Cost,Retail,Setup Retail,Frequency,Frequency Match,Partial Periods,Minimum Days\n"
TRUNK = 'SIP trunk,GBP,4,9.99,25,Monthly,"1, 15",By days,30\nSIP trunk,EUR,5,11.50,30,,,,\n'


def packages() -> list[Package]:
    return list(db.session.scalars(select(Package).order_by(Package.search_key)))


def reasons(import_: MoveImport) -> list[tuple[int, str]]:
    return [(line.place, reason) for line, reason in plan(import_, TODAY).bad_lines()]


def test_lines_of_one_name_are_one_package_in_each_currency(session: Any) -> None:
    import_ = moved(KIND, HEAD + TRUNK)
    (trunk,) = packages()
    stored = definition_of(trunk, TODAY)
    assert (import_.state, counts(import_)) == (ImportState.DONE, (1, 0, 0, 0, 0))
    assert (stored.frequency, stored.frequency_match, stored.proration, stored.minimum_days) == (
        Frequency.MONTHLY, (1, 15), Proration.DAILY, 30,
    )  # fmt: skip
    assert [(one.currency, one.cost, one.retail, one.setup_retail) for one in stored.prices] == [
        ("EUR", Decimal(5), Decimal("11.5"), Decimal(30)),
        ("GBP", Decimal(4), Decimal("9.99"), Decimal(25)),
    ]


def test_the_same_packages_again_change_nothing(session: Any) -> None:
    moved(KIND, HEAD + TRUNK)
    assert counts(moved(KIND, HEAD + TRUNK)) == (0, 0, 1, 0, 0)
    assert len(packages()) == 1


def test_a_price_that_is_otherwise_is_taken_only_if_asked(session: Any) -> None:
    moved(KIND, HEAD + TRUNK)
    dearer = HEAD + TRUNK.replace("9.99", "12")
    (planned,) = plan(sent(KIND, dearer), TODAY).changed
    assert planned.differences == (("Retail GBP", "9.99", "12"),)
    assert counts(moved(KIND, dearer)) == (0, 0, 0, 1, 0)
    assert counts(moved(KIND, dearer, takes_changes=True)) == (0, 1, 0, 0, 0)
    assert definition_of(packages()[0], TODAY).price_in("GBP").retail == Decimal(12)  # type: ignore[union-attr]


def test_a_change_taken_back_is_as_it_was(session: Any) -> None:
    moved(KIND, HEAD + TRUNK)
    before = definition_of(packages()[0], TODAY)
    import_ = moved(KIND, HEAD + TRUNK.replace("9.99", "12").replace("30\n", "60\n"), takes_changes=True)
    assert taken_back(import_).state == ImportState.UNDONE
    assert definition_of(packages()[0], TODAY) == before


def test_lines_that_contradict_each_other_are_bad_with_both_places(session: Any) -> None:
    said = reasons(sent(KIND, HEAD + TRUNK.replace("30,,,,", "30,Weekly,,,")))
    assert said == [
        (place, "Lines 2 and 3 of this package say otherwise of its Frequency.") for place in (2, 3)
    ]


def test_a_currency_that_comes_twice_is_bad(session: Any) -> None:
    said = reasons(sent(KIND, HEAD + TRUNK.replace("EUR", "GBP")))
    assert said == [(place, "Lines 2 and 3 have prices in GBP from the same day.") for place in (2, 3)]


def test_of_a_package_with_one_bad_line_every_line_is_bad(session: Any) -> None:
    said = reasons(sent(KIND, HEAD + TRUNK.replace("11.50", "eleven")))
    assert said == [
        (2, "Line 3 of this package is bad."),
        (3, "Retail is eleven: enter a number such as 1234.50."),
    ]


def test_terms_of_a_day_to_come_are_planned(session: Any) -> None:
    later = HEAD.replace("Name,", "Effective from,Name,") + (
        ",SIP trunk,GBP,4,9.99,25,Monthly,,By days,\n2027-01-01,SIP trunk,GBP,4,12,25,,,,\n"
    )
    moved(KIND, later)
    (trunk,) = packages()
    assert definition_of(trunk, date(2026, 12, 31)).price_in("GBP").retail == Decimal("9.99")  # type: ignore[union-attr]
    assert definition_of(trunk, date(2027, 1, 1)).price_in("GBP").retail == Decimal(12)  # type: ignore[union-attr]
    assert counts(moved(KIND, later)) == (0, 0, 1, 0, 0)


def test_free_minutes_and_a_connexcs_package_are_said_in_columns(session: Any) -> None:
    add_connexcs_package("Call Recording")
    text = "Name;Type;Destination;Retail;Currency;Frequency;Partial Periods;ConnexCS Package;Minimum Spend\n"
    moved(KIND, text + "UK minutes;Free minutes;^44;5,00;EUR;Monthly;Not charged;call recording;no\n")
    (minutes,) = packages()
    assert (minutes.type, minutes.destination) == (PackageType.FREE_MINUTES, "^44")
    assert minutes.connexcs_package and minutes.connexcs_package.name == "Call Recording"


def test_what_the_form_refuses_is_a_bad_line_and_makes_nothing(session: Any) -> None:
    text = "Name,Currency,Retail,Frequency,Partial Periods,ConnexCS Package\n" + (
        "A,GBP,1,Monthly,,\nB,GBP,-1,,,\nC,GBP,1,,,Nothing\nD,GBP,1,,,\n"
    )
    import_ = sent(KIND, text)
    assert reasons(import_) == [
        (2, "Choose how partial periods are charged: by days, or not at all."),
        (3, "Retail must be 0 to 999,999,999."),
        (4, "There is no ConnexCS package called Nothing. Add it first."),
    ]
    assert counts(moved(KIND, text)) == (1, 0, 0, 0, 3)
    assert [package.name for package in packages()] == ["D"]
    assert len(list(session.scalars(select(MoveLine.sentence)))) == 3


def test_a_package_that_was_assigned_since_is_left_and_named(session: Any) -> None:
    import_ = moved(KIND, HEAD + TRUNK + "Other,GBP,1,2,0,,,,\n")
    trunk = next(one for one in packages() if one.name == "SIP trunk")
    assigned(trunk, a_customer("Acme"))
    session.commit()
    taken_back(import_)
    assert [package.name for package in packages()] == ["SIP trunk"]


def test_a_name_that_two_packages_have_is_bad(session: Any) -> None:
    a_package("Twice")
    a_package("Twice")
    session.commit()
    ((_, why),) = reasons(sent(KIND, "Name,Retail\nTwice,1\n"))
    assert why == "2 packages are called Twice: rename all but one of them."
