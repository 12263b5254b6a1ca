"""What is typed into the one search, and what it can mean."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.payment_reference import payment_reference
from portal.domain.searching import LONGEST, Rank, acts_meant, begins_a_word, read, read_amount


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("12.50", "12.50", ""),
        ("1,234.50", "1234.50", ""),
        ("1.234,50", "1234.50", ""),
        ("1,234", "1234", ""),
        ("12,50", "12.50", ""),
        ("£30", "30", ""),
        ("30 GBP", "30", "GBP"),
        ("eur 12,5", "12.5", "EUR"),
        ("0.0085", "0.0085", ""),
    ],
)
def test_an_amount_is_read_as_people_write_it(text, amount, currency):
    assert read_amount(text) == (Decimal(amount), currency)


@pytest.mark.parametrize(
    "text",
    ["", "GBP", "0", "-5", "1e9", "0.0000001", "1,23,4", "12 50", "30 XXX", "9" * 16, "٣", "1_000", "."],
)
def test_what_is_no_amount_of_money_is_none(text):
    assert read_amount(text) == (None, "")


@pytest.mark.parametrize(
    "text", [payment_reference(7), payment_reference(7).lower(), " ".join(payment_reference(7))]
)
def test_a_payment_reference_names_its_customer_however_it_is_spaced(text):
    assert read(text).payer_id == 7


def test_a_payment_reference_whose_digits_are_wrong_names_nobody():
    assert read("RF007").payer_id is None


def test_a_number_is_a_customers_with_a_sign_and_may_be_a_charges_without():
    assert (read("#7").customer_id, read("#7").charge_id) == (7, None)
    assert (read("7").customer_id, read("7").charge_id, read("7").amount) == (7, 7, 7)
    assert (read("charge 7").customer_id, read("Charge 7").charge_id) == (None, 7)
    assert read("9" * 19).charge_id is None


@pytest.mark.parametrize(
    ("key", "typed", "rank"),
    [
        ("harbour bakery", "Harbour  Bakery", Rank.EXACT),
        ("harbour bakery", "harb", Rank.BEGINS),
        ("harbour bakery", "bak har", Rank.WORDS),
        ("o'hara-smith ltd", "smi", Rank.WORDS),
        ("harbour bakery", "arb", Rank.WITHIN),
        ("harbour bakery", "harbour leeds", None),
        ("duran duran", "duran duran", Rank.EXACT),
        ("bobak ak", "ak", Rank.WORDS),
    ],
)
def test_how_a_name_fits(key, typed, rank):
    assert read(typed).rank(key) == rank


def meant(text):
    return [(one.act.words, " ".join(one.of), one.is_named) for one in acts_meant(read(text).words)]


def test_an_act_is_meant_by_the_beginnings_of_its_words_with_a_name_behind():
    assert meant("add payment harbour") == [("Add payment", "harbour", True)]
    assert meant("add pay harb bak") == [("Add payment", "harb bak", False)]
    assert ("Add payment", "harbour", False) in meant("payment harbour")
    assert meant("run") == [("Run Package", "", True)]
    assert meant("run harbour") == [("Run Package", "harbour", True)]
    assert [words for words, _, _ in meant("add harbour")] == ["Add payment", "Add manual charge"]


def test_what_is_for_nobody_takes_no_name_and_one_letter_is_no_act():
    assert meant("add customer harbour") == []
    assert meant("a") == meant("r harbour") == meant("harbour add payment") == meant("") == []


@given(st.text(max_size=400))
def test_whatever_is_typed_is_read_and_no_word_is_longer_than_what_is_looked_at(text):
    typed = read(text)
    assert len(typed.text) <= LONGEST
    for word in typed.words:
        assert begins_a_word(typed.phrase, word) and typed.rank(typed.phrase) == Rank.EXACT
    list(acts_meant(typed.words))
