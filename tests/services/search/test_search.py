"""What the one search finds, why, and what it says of it at once."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from portal.domain.payment_reference import payment_reference
from portal.domain.searching import ACTS, Rank
from portal.models import Payment, PaymentBack, PaymentMethod, PaymentState
from portal.services import credit
from portal.services.charges import opening_items
from portal.services.customers.account_codes import give
from portal.services.customers.contacts import ContactFields
from portal.services.customers.customers import change_customer, fields_of, find_customers
from portal.services.deletion import archive_customer, archive_package
from portal.services.runs import runs
from portal.services.search import Kind, search
from portal.services.search.hits import LOOKED_AT, SHOWN
from tests.trade import NOW, TODAY, a_customer, a_did, a_package, assigned, run

ALL_ACTS = {act.name for act in ACTS}


def of(kind, text, **more):
    """The hits of a kind."""
    return next((hits for hits in search(text, TODAY, **more).kinds if hits.kind == kind), None)


def names(kind, text):
    found = of(kind, text)
    return [hit.name for hit in found.rows] if found else []


def customers(text):
    return names(Kind.CUSTOMER, text)


def a_payment(customer, amount="30", reference="", **columns):
    payment = Payment(
        token=f"t{customer.id}{amount}{reference}{columns}", customer=customer, state=PaymentState.COMPLETED,
        paid_on=TODAY, amount=Decimal(amount), fee=Decimal(0), method=PaymentMethod.BANK_TRANSFER,
        bank_reference=reference, created_by="ben", created_at=NOW, **columns,
    )  # fmt: skip
    return credit.record_payment(payment, TODAY, now=NOW)


# -- customers


def test_the_exact_name_stands_before_what_begins_so_before_words_before_what_is_within(session):
    for name in ("Unharboured", "Old Harbour", "Harbour Bakery", "Harbour", "Anchor"):
        a_customer(name)
    assert customers("harbour") == ["Harbour", "Harbour Bakery", "Old Harbour", "Unharboured"]


@pytest.mark.parametrize(
    "text", ["harbour bak", "bak harb", "b h", "h b", "ha ba", "ba ha", "HARBOUR  BÁKERY", "h bakery"]
)
def test_words_are_found_by_their_beginnings_in_any_order(session, text):
    a_customer("Harbour Bakery")
    a_customer("Harbour Dental")
    assert customers(text) == ["Harbour Bakery"]


def test_one_letter_finds_what_a_name_begins_with_and_two_what_a_word_of_it_does(session):
    for name in ("Acme", "Old Acre", "Jack"):
        a_customer(name)
    assert customers("a") == ["Acme"]
    assert customers("ac") == ["Acme", "Old Acre"]


def test_a_customer_is_found_by_all_that_they_are_known_by_and_the_hit_says_by_what(session):
    acme = a_customer("Acme Harbour")
    a_customer("Zenith")
    acme.email, acme.city, acme.legal_name = "bills@acme.example", "Leeds", "Consolidated Ltd"
    give(acme, ["UK-LONDON-7"])
    session.flush()
    for text, why in (
        ("acme", "by name"),
        (f"#{acme.id}", f"by number #{acme.id}"),
        ("uk-london-7", "by account code UK-LONDON-7"),
        ("UK-LON", "by account code UK-LONDON-7"),
        ("leeds", "by town Leeds"),
        ("bills@acme.example", "by e-mail bills@acme.example"),
        ("bills@", "by e-mail bills@acme.example"),
        ("consol", "by legal name Consolidated Ltd"),
        (payment_reference(acme.id), f"by payment reference {payment_reference(acme.id)}"),
        ("harbour leeds", "by name and town Leeds"),
        ("london acme", "by account code UK-LONDON-7 and name"),
    ):
        (hit,) = of(Kind.CUSTOMER, text).rows
        assert (hit.name, hit.why) == ("Acme Harbour", why), text


def test_a_customer_is_found_by_their_contacts_and_the_hit_says_by_whom(session):
    acme, bolt = a_customer("Acme Harbour"), a_customer("Bolt")
    people = (
        ContactFields("Nora Ashworth", "Clerk", "nora@acme.example", "+441134960112"),
        ContactFields("Imran Sheikh"),
    )
    change_customer(acme, fields_of(acme, contacts=people))
    change_customer(bolt, fields_of(bolt, party=replace(fields_of(bolt).party, phone="+441134960999")))
    for text, why in (
        ("nora", "by contact Nora Ashworth"),
        ("ash no", "by contact Nora Ashworth"),
        ("im", "by contact Imran Sheikh"),
        ("nora@acme", "by e-mail nora@acme.example of Nora Ashworth"),
        ("nora harbour", "by contact Nora Ashworth and name"),
        ("0113 496 0112", "by phone +44 113 496 0112 of Nora Ashworth"),
        ("+44 (0)113 496-0112", "by phone +44 113 496 0112 of Nora Ashworth"),
        ("60112", "by phone +44 113 496 0112 of Nora Ashworth"),
        ("0113 496 0999", "by phone +44 113 496 0999"),
    ):
        (hit,) = of(Kind.CUSTOMER, text).rows
        assert (hit.name, hit.why) == ("Bolt" if "999" in text else "Acme Harbour", why), text
    assert customers("imran bolt") == []
    assert session.scalars(find_customers("nora harbour")).all() == [acme]
    change_customer(acme, fields_of(acme, contacts=()))
    assert customers("nora") == [] and customers("0113 496 0112") == []


def test_a_customer_says_what_is_to_pay(session):
    acme, _ = a_customer("Acme"), a_customer("Acorn")
    assigned(a_package(), acme)
    run(TODAY + timedelta(days=10))
    assert [hit.known for hit in of(Kind.CUSTOMER, "ac").rows] == [("to pay 29.40 GBP",), ("nothing to pay",)]


def test_who_is_archived_is_found_behind_the_others_and_says_so(session):
    gone = a_customer("Acme")
    a_customer("Acme Too")
    archive_customer(gone, TODAY)
    session.flush()
    a_customer("Acme")
    found = of(Kind.CUSTOMER, "acme").rows
    assert [("archived" in hit.known) for hit in found] == [False, True, False]
    assert found[0].rank == found[1].rank == Rank.EXACT


@pytest.mark.parametrize(
    ("count", "text"), [(SHOWN, "acme"), (SHOWN + 1, "acme"), (LOOKED_AT + 2, "a"), (LOOKED_AT + 2, "ltd")]
)
def test_more_than_are_shown_is_said(session, count, text):
    for number in range(count):
        a_customer(f"Acme {number:03} Ltd")
    hits = of(Kind.CUSTOMER, text)
    assert (len(hits.rows), hits.more) == (SHOWN, count > SHOWN)
    if count > SHOWN:
        assert [hit.name for hit in hits.rows][:2] == ["Acme 000 Ltd", "Acme 001 Ltd"]


# -- DIDs and packages


@pytest.mark.parametrize(
    "text",
    [
        "+442079460123",
        "0044 20 7946 0123",
        "020 7946 0123",
        "(020) 7946-0123",
        "+44 (0)20 7946 0123",
        "tel:+44-20-7946-0123",
    ],
)
def test_a_did_is_found_in_any_spelling_and_says_whose_it_is_and_what_is_on_it(session, text):
    acme = a_customer("Acme")
    did = a_did(acme)
    a_did(None, "+442079460124")
    assigned(a_package("SIP Trunk"), acme, did=did)
    assigned(a_package("Recording"), acme, TODAY + timedelta(days=9), did=did)
    (hit,) = of(Kind.DID, text).rows
    assert (hit.name, hit.rank, hit.known) == (
        "+44 20 7946 0123", Rank.EXACT, ("Acme", "SIP Trunk, Recording from 1 Dec 2026")
    )  # fmt: skip


def test_a_did_by_a_part_of_its_number_the_beginning_first_and_by_two_digits_not_at_all(session):
    for number in ("+442079460777", "+447774960123"):
        a_did(None, number)
    assert names(Kind.DID, "4477") == ["+44 7774 960123"]
    assert names(Kind.DID, "777") == ["+44 20 7946 0777", "+44 7774 960123"]
    assert names(Kind.DID, "77") == []
    assert of(Kind.DID, "777").rows[0].known == ("in stock", "no package")


def test_a_did_names_three_packages_and_how_many_more_there_are(session):
    acme = a_customer("Acme")
    did = a_did(acme)
    for name in "ABCDE":
        assigned(a_package(f"Package {name}"), acme, did=did)
    (hit,) = of(Kind.DID, "20 7946 0123").rows
    assert hit.known == ("Acme", "Package A, Package B, Package C and 2 more")


def test_packages_by_their_words_with_what_they_are_sold_for_and_the_archived_last(session):
    archive_package(a_package("SIP Trunk 5"), TODAY)
    a_package("SIP Trunk 10")
    found = of(Kind.PACKAGE, "tru si").rows
    assert [(hit.name, hit.known) for hit in found] == [
        ("SIP Trunk 10", ("24.50 GBP", "monthly, 1st")),
        ("SIP Trunk 5", ("archived", "24.50 GBP", "monthly, 1st")),
    ]


# -- charges and payments


def test_a_charge_by_its_number_and_open_ones_by_what_is_left_to_pay(session):
    acme, globex = a_customer("Acme"), a_customer("Globex", "EUR")
    package = a_package(currencies=("GBP", "EUR"))
    assigned(package, acme), assigned(package, globex)
    run(TODAY + timedelta(days=10))
    found = of(Kind.CHARGE, "29.40").rows
    assert [hit.known for hit in found] == [("Acme", "29.40 GBP, open"), ("Globex", "29.40 EUR, open")]
    assert {hit.why for hit in found} == {"by what is left to pay"}
    assert [hit.known[0] for hit in of(Kind.CHARGE, "29,40 EUR").rows] == ["Globex"]
    (by_number,) = of(Kind.CHARGE, f"charge {found[0].id}").rows
    assert (by_number.id, by_number.why) == (found[0].id, "by number")
    paid = a_payment(acme, "10")
    credit.allocate(
        paid, {found[0].id: Decimal(10)}, seen=credit.seen_of(paid), today=TODAY, by="ben", now=NOW
    )
    assert [hit.known for hit in of(Kind.CHARGE, "19.40").rows] == [
        ("Acme", "29.40 GBP, 19.40 GBP left to pay")
    ]
    assert [hit.known[0] for hit in of(Kind.CHARGE, "29.40").rows] == ["Globex"]
    assert of(Kind.CHARGE, "1234.56") is None


@pytest.mark.parametrize("text", ["INV 2026-118", "inv2026", "inv/2026.118"])
def test_a_payment_by_the_beginning_of_its_reference_however_it_is_spaced(session, text):
    acme = a_customer("Acme")
    a_payment(acme, "30", "INV 2026-118")
    a_payment(acme, "31", "2026-118 INV")
    (hit,) = of(Kind.PAYMENT, text).rows
    assert (hit.why, hit.known) == ("by bank reference INV 2026-118", ("Acme", "30.00 GBP"))


def test_payments_by_amount_the_latest_first_and_what_is_cancelled_says_so(session):
    acme = a_customer("Acme")
    a_payment(acme, "30", "A 1")
    late = a_payment(acme, "30", "B 22")
    credit.cancel_payment(late, TODAY, by="ben", now=NOW)
    session.flush()
    assert [hit.known for hit in of(Kind.PAYMENT, "30.00").rows] == [
        ("Acme", "30.00 GBP", "cancelled"), ("Acme", "30.00 GBP"),
    ]  # fmt: skip
    assert [hit.why for hit in of(Kind.PAYMENT, "b22").rows] == ["by bank reference B 22"]


def test_a_payment_that_came_back_by_the_beginning_of_its_reference(session):
    acme = a_customer("Acme")
    a_payment(acme, "30", "INV 2026-118")
    back = PaymentBack(
        token="b", customer=acme, paid_on=TODAY, amount=Decimal(30), method=PaymentMethod.DIRECT_DEBIT,
        bank_reference="RET-77 A", created_by="ben", created_at=NOW,
    )  # fmt: skip
    credit.pay_back(back, TODAY, now=NOW)
    session.flush()
    (hit,) = of(Kind.PAYMENT_BACK, "ret77").rows
    assert (hit.why, hit.known) == ("by bank reference RET-77 A", ("Acme", "30.00 GBP"))
    assert of(Kind.PAYMENT_BACK, "30").rows[0].why == "by amount"
    assert of(Kind.PAYMENT_BACK, "77a") is None


def test_an_opening_item_by_the_number_that_it_had_and_a_short_one_only_in_whole(session):
    acme = a_customer("Acme")
    for number in ("INV 77", "INV 78", "7B"):
        item = opening_items.OpeningItem(acme, number, TODAY, TODAY, Decimal(120))
        opening_items.lock([acme.id])
        opening_items.bring_in([item], credit.Act(TODAY, "ben", NOW))
    found = of(Kind.CHARGE, "inv").rows
    assert [(hit.why, hit.rank) for hit in found] == [
        ("by opening item INV 77", Rank.BEGINS), ("by opening item INV 78", Rank.BEGINS),
    ]  # fmt: skip
    assert found[0].known == ("Acme", "120.00 GBP, open")
    assert [hit.rank for hit in of(Kind.CHARGE, "inv 78").rows] == [Rank.EXACT]
    assert [hit.why for hit in of(Kind.CHARGE, "7b").rows] == ["by opening item 7B"]
    assert of(Kind.CHARGE, "7x") is None and of(Kind.CHARGE, "in") is None


def test_a_run_by_its_number_with_how_far_it_is(session):
    assigned(a_package(), a_customer("Acme"))
    done = runs.start(TODAY, simulate=True, today=TODAY, by="ben", now=NOW)
    (hit,) = of(Kind.RUN, f"run {done.id}").rows
    assert (hit.id, hit.why, hit.known) == (done.id, "by number", ("all customers", "0 charges", "running"))
    assert of(Kind.RUN, str(done.id)).rows[0].id == done.id
    assert of(Kind.RUN, f"charge {done.id}") is None and of(Kind.RUN, "run 999999") is None


# -- acts


def acts(text, allowed=ALL_ACTS):
    found = search(text, TODAY, allowed)
    return found.acts_first, [(one.act.words, one.customer and one.customer.name) for one in found.acts]


def test_an_act_is_offered_for_the_customers_it_names_and_first_where_it_is_typed_in_whole(session):
    for name in ("Harbour Bakery", "Old Harbour", "Anchor"):
        a_customer(name)
    both = [("Add payment", "Harbour Bakery"), ("Add payment", "Old Harbour")]
    assert acts("add payment harbour") == (True, both)
    assert acts("add pay harbour") == (False, both)
    assert acts("run") == (True, [("Run Package", None)])
    assert acts("add payment nobody") == (False, [])
    assert acts("harbour") == (False, [])


def test_an_act_that_is_not_allowed_is_not_offered_and_archived_customers_get_none(session):
    gone = a_customer("Harbour")
    archive_customer(gone, TODAY)
    session.flush()
    assert acts("add payment harbour")[1] == []
    assert acts("run", {"summary"})[1] == []


def test_what_is_called_just_so_stands_before_an_act(session):
    a_customer("Run")
    assert acts("run")[0] is False


# -- whatever is typed


@given(text=st.text(max_size=80) | st.text(alphabet="%_\\'\"*+-#0 ab.,", max_size=20))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_typed_is_answered(session, text):
    session.rollback()
    a_customer("Acme % _ 'x' \"y\"")
    search(text.replace("\0", "").encode("utf-8", "replace").decode(), TODAY, ALL_ACTS)
    session.rollback()


def test_what_is_known_of_the_hits_is_asked_for_all_of_them_together(session):
    """As many statements for six hits of each kind as for one."""
    counts = []
    package = a_package("SIP 44")
    for number in range(7):
        acme = a_customer(f"44 Acme {number}")
        assigned(package, acme, did=a_did(acme, f"+4420794601{number:02}"))
        a_payment(acme, "44", f"44 {number}x")
        session.flush()
        session.expire_all()
        if number in (0, 6):
            statements = []

            def count(*args, into=statements):
                into.append(args[2])

            event.listen(session.get_bind(), "before_cursor_execute", count)
            found = search("44", TODAY, ALL_ACTS)
            event.remove(session.get_bind(), "before_cursor_execute", count)
            counts.append(len(statements))
            assert {hits.kind for hits in found.kinds} >= {Kind.CUSTOMER, Kind.PAYMENT}
    assert counts[0] == counts[1]
