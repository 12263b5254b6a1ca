"""What a form makes is made once for its token, on both databases, however close two clicks are."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from threading import Barrier, Thread

import pytest
from sqlalchemy import func, select

from portal.domain.errors import Invalid, RuleBroken
from portal.extensions import db
from portal.models import (
    Allocation,
    Assignment,
    BalanceEntry,
    Charge,
    Customer,
    Package,
    Payment,
    PaymentState,
)
from portal.services import credit, deletion, once
from portal.services.assignments.assigning import Draft, assign
from portal.services.assignments.assigning_many import assign_many
from portal.services.charges.by_hand import ManualCharge, charge_manually
from portal.services.customers.customers import CustomerFields, create_customer
from portal.services.packages.catalogue import create_package
from portal.services.packages.definition import Definition, PriceSet
from tests.trade import BEN, NOW, TODAY, a_customer, a_package, assigned

TOKEN = "0123456789abcdef0123456789abcdef"


class Acts:
    """Each form as a service takes it: with the token and an amount or a name that can differ."""

    def __init__(self) -> None:
        self.customer, self.package = a_customer("Acme", tax_rate="0").id, a_package().id
        self.payment = self.pay("set up", "100").id
        self.charge = charge_manually(self.asked("50"), token="set up", today=TODAY, by=BEN, now=NOW).id
        db.session.commit()

    def asked(self, amount):
        return ManualCharge(self.acme, TODAY, Decimal(amount), Decimal(0), "Visit")

    @property
    def acme(self):
        return db.session.get_one(Customer, self.customer)

    def draft(self, quantity):
        return Draft(db.session.get_one(Package, self.package), self.acme, None, int(quantity), TODAY)

    def pay(self, token, amount):
        payment = Payment(
            token=token, customer=self.acme, state=PaymentState.COMPLETED, paid_on=TODAY, amount=Decimal(amount),
            fee=Decimal(0), created_by=BEN, created_at=NOW,
        )  # fmt: skip
        return credit.record_payment(payment, TODAY, now=NOW)

    def adjust(self, token, amount):
        how = {"token": token, "today": TODAY, "by": BEN, "now": NOW}
        return credit.adjust(self.acme, Decimal(amount), TODAY, "Goodwill", **how)

    def charge_by_hand(self, token, amount):
        return charge_manually(self.asked(amount), token=token, today=TODAY, by=BEN, now=NOW)

    def add_customer(self, token, rate):
        fields = CustomerFields("Globex", "GBP")
        return create_customer(fields, Decimal(rate), token=token, today=TODAY, now=NOW)

    def add_package(self, token, retail):
        definition = Definition("Fresh", (PriceSet("GBP", retail=Decimal(retail)),))
        return create_package(definition, token=token, now=NOW)

    def assign(self, token, quantity):
        return assign(self.draft(quantity), token=token, by=BEN, now=NOW)

    def assign_many(self, token, quantity):
        return assign_many([self.draft(quantity)], token=token, by=BEN, now=NOW)[0]


ACTS = ("pay", "adjust", "charge_by_hand", "add_customer", "add_package", "assign", "assign_many")
# How many rows an act makes: a payment is one, and its entry, and it pays what is open.
ROWS = {"pay": 4}
MODELS = (Payment, BalanceEntry, Allocation, Charge, Customer, Package, Assignment)


@pytest.fixture
def acts(session):
    return Acts()


def counts():
    db.session.flush()
    return [db.session.scalar(select(func.count()).select_from(model)) for model in MODELS]


@pytest.mark.parametrize("name", ACTS)
def test_the_same_form_again_is_answered_with_what_it_made(acts, name):
    act = getattr(acts, name)
    first = act(TOKEN, "3")
    made = counts()
    assert act(TOKEN, "3.00" if name not in ("assign", "assign_many") else "3") is first
    assert counts() == made


@pytest.mark.parametrize("name", ACTS)
def test_a_used_token_with_other_content_is_refused_with_what_was_stored(acts, name):
    act = getattr(acts, name)
    act(TOKEN, "3")
    made = counts()
    with pytest.raises(once.AlreadySent) as refusal:
        act(TOKEN, "4")
    assert refusal.value.way_out
    assert "Nothing more was saved" in refusal.value.sentence
    assert counts() == made


@pytest.mark.parametrize("token", ["", " ", "x" * 65])
@pytest.mark.parametrize("name", ACTS)
def test_without_a_token_nothing_is_stored(acts, name, token):
    before = counts()
    with pytest.raises(Invalid) as refusal:
        getattr(acts, name)(token, "3")
    assert refusal.value.field == "token"
    assert counts() == before


@pytest.mark.parametrize("name", [name for name in ACTS if name != "assign_many"])
def test_a_form_that_was_refused_may_be_sent_again(acts, session, name):
    act = getattr(acts, name)
    refused = {"add_package": "-1", "add_customer": "101"}.get(name, "0")
    with pytest.raises(RuleBroken):
        act(TOKEN, refused)
    act(TOKEN, "3")


def together(app, act, amounts):
    """Do it from several threads at once; what each was answered: an id, or the kind of refusal."""
    barrier, answers = Barrier(len(amounts)), []

    def click(amount):
        with app.app_context():
            barrier.wait()
            try:
                made = act(TOKEN, amount).id
                db.session.commit()
                answers.append(made)
            except RuleBroken as refusal:
                db.session.rollback()
                answers.append(type(refusal))

    threads = [Thread(target=click, args=(amount,)) for amount in amounts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    db.session.rollback()
    return answers


@pytest.mark.parametrize("name", ACTS)
def test_of_many_clicks_at_once_one_makes_it_and_all_are_answered_with_it(app, acts, name):
    before = counts()
    db.session.commit()
    answers = together(app, getattr(acts, name), ["30"] * 4)
    assert len(answers) == 4 and len(set(answers)) == 1 and isinstance(answers[0], int), answers
    assert sum(counts()) - sum(before) == ROWS.get(name, 1)


@pytest.mark.parametrize("name", ACTS)
def test_of_two_forms_with_one_token_at_once_one_is_refused(app, acts, name):
    before = counts()
    db.session.commit()
    answers = together(app, getattr(acts, name), ["30", "31"])
    assert [answer for answer in answers if not isinstance(answer, int)] == [once.AlreadySent]
    assert sum(counts()) - sum(before) == ROWS.get(name, 1)


def test_what_a_form_made_and_was_removed_since_is_not_made_again(acts, session):
    assignment = acts.assign(TOKEN, "3")
    deletion.delete_assignment(assignment, TODAY, by=BEN, now=NOW)
    with pytest.raises(RuleBroken, match="what it created has since been removed"):
        acts.assign(TOKEN, "3")
    assert session.scalar(select(func.count(Assignment.id))) == 0


def test_a_form_that_was_changed_since_is_still_the_same_form(acts, session):
    customer = acts.add_customer(TOKEN, "20")
    customer.name = "Globex Ltd"
    session.flush()
    assert acts.add_customer(TOKEN, "20") is customer


def test_what_the_first_click_asked_about_is_no_question_to_the_second(acts):
    draft = replace(acts.draft("1"), start_date=date(2026, 11, 1))
    assigned(draft.package, draft.customer, date(2026, 11, 1))
    made = assign(draft, token=TOKEN, by=BEN, now=NOW, twice=True)
    assert assign(draft, token=TOKEN, by=BEN, now=NOW) is made


def test_a_token_of_one_form_says_nothing_about_another(acts):
    acts.pay(TOKEN, "3")
    assert acts.adjust(TOKEN, "3").token == TOKEN
