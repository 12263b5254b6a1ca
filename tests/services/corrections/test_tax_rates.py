"""A wrong tax rate corrected back to a day: tax on every charge since, amounts as they are."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from portal.domain.due import Kind
from portal.domain.errors import Invalid, RuleBroken
from portal.domain.schedule import FIRST_DAY, ONE_DAY
from portal.domain.tax import Tax, TaxCategory
from portal.domain.terms import Proration
from portal.models import Allocation, BalanceEntry, Call, Charge, EntrySource
from portal.services import credit
from portal.services.assignments.changing import change_end
from portal.services.calls import call_spend
from portal.services.charges.by_hand import ManualCharge, charge_manually, reverse
from portal.services.charges.explaining import explain_all, origin_of
from portal.services.charges.write_off import write_off
from portal.services.corrections.made import terms_before
from portal.services.corrections.planning import plan
from portal.services.corrections.posting import post
from portal.services.corrections.tax_rates import RateChanged, RateWanted, plan_rate, post_rate
from portal.services.corrections.wanted import Wanted, Whose
from portal.services.customers.customers import change_tax_rate
from portal.services.customers.taxes import tax_of
from tests.trade import BEN, NOW, TODAY, a_customer, a_package, assigned, run

SEPTEMBER, OCTOBER, NOVEMBER = (date(2026, month, 1) for month in (9, 10, 11))


def correct(customer, rate, since=OCTOBER, *, token=None, seen=None, today=TODAY, **more):
    wanted = RateWanted(since, Decimal(rate), **more)
    seen = seen or plan_rate(customer, wanted, today).fingerprint
    token = token or f"{since} {rate}"
    return post_rate(customer, wanted, seen=seen, token=token, today=today, by=BEN, now=NOW)


def charged(customer, amount, on=TODAY, *, auto=False, assignment=None, token="charge"):
    asked = ManualCharge(customer, on, Decimal(amount), Decimal(0), "Visit", auto, assignment)
    return charge_manually(asked, token=token, today=TODAY, by=BEN, now=NOW)


def corrections(session):
    query = select(Charge).where(Charge.correction_id.is_not(None)).order_by(Charge.id)
    return [(one.kind, one.period_from, one.amount, one.tax, one.tax_rate) for one in session.scalars(query)]


def test_every_charge_since_gets_the_tax_it_should_bear_and_no_amount_moves(session):
    acme = a_customer("Acme", tax_rate="20")
    line = assigned(a_package(retail="10"), acme, SEPTEMBER)
    run(TODAY)
    charged(acme, "30", OCTOBER, assignment=line)
    charged(acme, "50", SEPTEMBER, token="before")
    made = correct(acme, "21")
    assert corrections(session) == [
        (Kind.DIFFERENCE, OCTOBER, 0, Decimal("0.10"), 21),
        (Kind.DIFFERENCE, NOVEMBER, 0, Decimal("0.10"), 21),
        (Kind.DIFFERENCE, OCTOBER, 0, Decimal("0.30"), 21),
    ]
    assert (made.customer, made.right) == (acme, "Tax Rate 21%")
    assert [(row.effective_from, row.rate) for row in acme.tax_rates] == [
        (date(2000, 1, 1), 20),
        (OCTOBER, 21),
    ]
    said = explain_all(session.scalars(select(Charge).where(Charge.correction_id == made.id)))
    assert set(said.values()) == {
        f"Corrected on 22 Nov: The tax rate was wrong since 1 October 2026. At 21%, tax of {tax} is added; the amount "
        "stays as it is."
        for tax in ("0.10", "0.30")
    }


def test_a_category_is_corrected_back_with_its_rate_and_back_again(session):
    acme = a_customer("Acme", tax_rate="20")
    assigned(a_package(retail="10"), acme, SEPTEMBER)
    run(TODAY)
    made = correct(acme, "0", category=TaxCategory.REVERSE_CHARGE, reason="Article 196")
    assert made.right == "Tax Rate 0%, reverse charge"
    assert [tax for _, _, _, tax, _ in corrections(session)] == [-2, -2]
    assert [(before.words, before.since) for before in terms_before(made)] == [("Tax Rate 20%", None)]
    again = correct(acme, "20")
    assert [before.words for before in terms_before(again)] == ["Tax Rate 0%, reverse charge"]
    assert acme.taxes == ((FIRST_DAY, Tax(Decimal(20), TaxCategory.STANDARD)),)
    assert session.scalar(select(func.sum(Charge.tax)).where(Charge.correction_id.is_not(None))) == 0


def test_a_category_at_the_same_rate_is_corrected_although_nothing_is_posted(session):
    acme = a_customer("Acme", tax_rate="0")
    assigned(a_package(retail="10"), acme, SEPTEMBER)
    run(TODAY)
    charges = session.scalars(select(Charge).order_by(Charge.period_from)).all()
    assert {tax_of(charge).category for charge in charges} == {TaxCategory.ZERO}
    exempt = {"category": TaxCategory.EXEMPT, "reason": "Education"}
    correct(acme, "0", **exempt)
    assert corrections(session) == []
    assert [tax_of(charge).category for charge in charges] == ["zero", "exempt", "exempt"]
    assert {origin_of(charge).tax_rate_since for charge in charges} == {None}
    with pytest.raises(Invalid, match="already holds"):
        correct(acme, "0", token="again", **exempt)


def test_what_corrects_or_reverses_a_charge_is_in_that_charges_category(session):
    acme = a_customer("Acme", tax_rate="20")
    line = assigned(a_package(retail="30", proration=Proration.DAILY), acme, NOVEMBER)
    run(TODAY)
    change_tax_rate(acme, Decimal(0), TODAY + ONE_DAY, TODAY, TaxCategory.EXPORT, "Moved")
    change_end(line, TODAY, TODAY, by=BEN, now=NOW)
    run(TODAY + ONE_DAY)
    credit_, charge = session.scalars(select(Charge).order_by(Charge.id.desc())).all()
    assert credit_.charge_on > TODAY and credit_.corrects == charge
    assert [tax_of(one).category for one in (charge, credit_)] == [TaxCategory.STANDARD] * 2


def test_correcting_the_rate_back_gives_exactly_the_tax_back_and_twice_posts_nothing(session):
    acme = a_customer("Acme", tax_rate="20")
    assigned(
        a_package(retail="9.99", setup_retail="3.33"), acme, SEPTEMBER + ONE_DAY, auto_decrement_credit=True
    )
    run(TODAY)
    charged(acme, "-7.77", token="discount")
    charged(acme, "19.99")
    before = (credit.balance_of(acme.id), credit.to_pay(acme.id))
    correct(acme, "7.7", SEPTEMBER)
    assert credit.balance_of(acme.id) != before[0]
    with pytest.raises(Invalid, match="already holds since 1 September 2026"):
        correct(acme, "7.7", SEPTEMBER, token="twice")
    correct(acme, "20", SEPTEMBER)
    assert (credit.balance_of(acme.id), credit.to_pay(acme.id)) == before
    assert session.scalar(select(func.sum(Charge.tax)).where(Charge.correction_id.is_not(None))) == 0


def test_credits_go_with_their_charge_and_later_ones_bear_the_right_rate(session):
    acme = a_customer("Acme", tax_rate="20")
    line = assigned(a_package(retail="30", proration=Proration.DAILY), acme, NOVEMBER)
    run(TODAY)
    correct(acme, "10", NOVEMBER)
    change_end(line, TODAY, TODAY, by=BEN, now=NOW)
    run(TODAY + ONE_DAY)
    last = session.scalars(select(Charge).order_by(Charge.id.desc())).first()
    assert (last.amount, last.tax, last.tax_rate) == (-8, Decimal("-0.80"), 10)
    correct(acme, "20", NOVEMBER, today=TODAY + ONE_DAY)
    whole = select(func.sum(Charge.amount), func.sum(Charge.tax))
    assert tuple(session.execute(whole).one()) == (22, Decimal("4.40"))


def test_a_price_corrected_after_the_rate_bears_the_right_rate_although_no_tax_had_differed(session):
    """Of 0.02 both rates take nothing, so nothing was posted for the rate."""
    acme, cheap = a_customer("Acme", tax_rate="20"), a_package(retail="0.02", cost="0")
    assigned(cheap, acme, NOVEMBER)
    run(TODAY)
    correct(acme, "10", NOVEMBER)
    assert corrections(session) == []
    wanted, whose = Wanted(NOVEMBER, "GBP", {"retail": Decimal(100)}), Whose(package=cheap)
    seen = plan(wanted, whose, TODAY).fingerprint
    post(wanted, whose, seen=seen, token="price", today=TODAY, by=BEN, now=NOW)
    assert corrections(session)[0][3:] == (10, 10)


def test_a_credit_enlarges_a_discount_and_a_difference_comes_off_what_of_it_is_to_use(session):
    acme = a_customer("Acme", tax_rate="20")
    discount = charged(acme, "-10", token="discount")
    correct(acme, "30")
    assert credit.to_pay(acme.id).credit_to_use == 13
    correct(acme, "10")
    assert credit.to_pay(acme.id).credit_to_use == 11
    charged(acme, "10")
    assert (credit.to_pay(acme.id).credit_to_use, credit.to_pay(acme.id).charges) == (0, 0)
    correct(acme, "0")
    assert (credit.to_pay(acme.id).credit_to_use, credit.to_pay(acme.id).charges) == (0, 0)
    reverse(discount, "By mistake", today=TODAY, by=BEN, now=NOW)
    assert (credit.to_pay(acme.id).credit_to_use, credit.to_pay(acme.id).charges) == (0, 10)


def test_what_a_discount_settles_of_its_own_is_not_released(session):
    acme = a_customer("Acme", tax_rate="20")
    charged(acme, "-10", token="discount")
    correct(acme, "10")
    settled = session.scalars(select(Allocation)).one()
    with pytest.raises(RuleBroken, match="cannot be released"):
        credit.release_allocation(settled, TODAY, by=BEN, now=NOW)
    assert (credit.to_pay(acme.id).credit_to_use, credit.to_pay(acme.id).charges) == (11, 0)


def test_what_is_too_much_of_a_discount_that_is_used_up_is_to_be_paid(session):
    acme = a_customer("Acme", tax_rate="20")
    change_tax_rate(acme, Decimal(20), None, TODAY)
    charged(acme, "-10", OCTOBER, token="discount")
    charged(acme, "100", SEPTEMBER)
    correct(acme, "10")
    assert (credit.to_pay(acme.id).credit_to_use, credit.to_pay(acme.id).charges) == (0, 120 - 12 + 1)


def test_write_offs_and_reversed_charges_are_left_alone(session):
    acme = a_customer("Acme", tax_rate="20")
    one, other = charged(acme, "10", token="one"), charged(acme, "20", token="other")
    write_off(one, "Bankrupt", today=TODAY, by=BEN, now=NOW)
    reverse(other, "By mistake", today=TODAY, by=BEN, now=NOW)
    assert plan_rate(acme, RateWanted(OCTOBER, Decimal(10)), TODAY).reversed == 1
    correct(acme, "10")
    assert [row[2:4] for row in corrections(session)] == [(0, -1)]
    assert credit.to_pay(acme.id).charges == 0
    assert session.scalar(select(func.sum(Charge.tax)).where(Charge.kind == Kind.WRITE_OFF)) == -2


def test_calls_in_the_balance_get_the_tax_of_their_day(session):
    acme = a_customer("Acme", tax_rate="20")
    for number, day in enumerate((SEPTEMBER, OCTOBER, NOVEMBER)):
        session.add(
            Call(
                customer_id=acme.id,
                call_id=str(number),
                day=day,
                seconds=60,
                amount=Decimal(10),
                came_in_on=TODAY,
            )
        )
    session.flush()
    call_spend.enter_calls([acme.id], SEPTEMBER, TODAY, NOW)
    made = correct(acme, "30")
    assert (credit.balance_of(acme.id), made.call_tax) == (-38, 2)
    call_spend.enter_calls([acme.id], SEPTEMBER, TODAY, NOW)
    assert credit.balance_of(acme.id) == -38
    correct(acme, "20")
    entries = select(func.sum(BalanceEntry.tax)).where(BalanceEntry.source == EntrySource.CALLS)
    assert (credit.balance_of(acme.id), session.scalar(entries)) == (-36, -6)


def test_it_is_bound_to_what_was_seen_and_refused_for_an_archived_customer(session):
    acme = a_customer("Acme", tax_rate="20")
    charged(acme, "10")
    seen = plan_rate(acme, RateWanted(OCTOBER, Decimal(10)), TODAY).fingerprint
    charged(acme, "20", token="more")
    with pytest.raises(RateChanged) as changed:
        correct(acme, "10", seen=seen)
    assert len(changed.value.plan.lines) == 2
    acme.archived_on = TODAY
    with pytest.raises(RuleBroken, match="archived"):
        correct(acme, "10", token="archived")


@pytest.mark.parametrize(
    ("since", "rate", "field"),
    [(TODAY + ONE_DAY, "10", "since"), (date(1999, 1, 1), "10", "since"), (OCTOBER, "101", "tax_rate")],
)
def test_what_cannot_be_is_refused_at_its_field(session, since, rate, field):
    with pytest.raises(Invalid) as refused:
        plan_rate(a_customer(), RateWanted(since, Decimal(rate)), TODAY)
    assert refused.value.field == field


def test_the_right_rate_holds_to_the_next_change(session):
    acme = a_customer("Acme", tax_rate="20")
    assigned(a_package(retail="10"), acme, SEPTEMBER)
    run(OCTOBER)
    change_tax_rate(acme, Decimal(25), NOVEMBER, OCTOBER)
    run(TODAY)
    assert plan_rate(acme, RateWanted(SEPTEMBER, Decimal(10)), TODAY).later == NOVEMBER
    correct(acme, "10", SEPTEMBER)
    assert [row[1] for row in corrections(session)] == [SEPTEMBER, OCTOBER]
    correct(acme, "10", SEPTEMBER, for_good=True, token="for good")
    assert [row[1] for row in corrections(session)][2:] == [NOVEMBER]
    assert run(TODAY + timedelta(days=9)).charges == 1
