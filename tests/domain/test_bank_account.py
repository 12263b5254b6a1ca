"""IBANs, BICs and payment references: what is mistyped is seen, and a reference is the customer's alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.bank_account import check_bic, check_iban
from portal.domain.bank_reference import reference_key
from portal.domain.check_digits import in_fours, remainder
from portal.domain.errors import Invalid
from portal.domain.payment_reference import payment_reference

# Examples of the registry of IBANs: the longest, the shortest, letters within.
IBANS = [
    "GB82 WEST 1234 5698 7654 32", "DE89 3704 0044 0532 0130 00", "NO93 8601 1117 947",
    "MT84 MALT 0110 0001 2345 MTLC AST0 01S", "FR14 2004 1010 0505 0001 3M02 606",
]  # fmt: skip


@pytest.mark.parametrize("iban", IBANS)
def test_an_iban_is_kept_without_spaces_and_shown_in_groups_of_four(iban):
    assert check_iban(iban.lower()) == iban.replace(" ", "")
    assert in_fours(check_iban(iban)) == iban


@given(st.sampled_from(IBANS), st.integers(0, 33), st.sampled_from("0123456789"))
def test_one_wrong_digit_is_always_seen(iban, place, digit):
    letters = iban.replace(" ", "")
    if place < len(letters) and letters[place].isdigit() and letters[place] != digit:
        with pytest.raises(Invalid) as refused:
            check_iban(letters[:place] + digit + letters[place + 1 :])
        assert refused.value.field == "iban"


@pytest.mark.parametrize(
    "text", ["GB82", "82GB WEST 1234 5698 7654 32", "GB82 WÆST 1234 5698 7654 32", "x" * 99]
)
def test_what_has_not_the_form_of_an_iban_is_none(text):
    with pytest.raises(Invalid, match="no IBAN"):
        check_iban(text)


@pytest.mark.parametrize("text", ["DEUTDEFF", "deut de ff 500", "WESTGB22", ""])
def test_a_bic_has_eight_or_eleven_letters(text):
    assert check_bic(text) == text.replace(" ", "").upper()


@pytest.mark.parametrize("text", ["DEUTDEF", "DEUTDEFF50", "DEUT1EFF", "x" * 99])
def test_what_has_not_the_form_of_a_bic_is_none(text):
    with pytest.raises(Invalid, match="no BIC"):
        check_bic(text)


def test_a_payment_reference_is_a_creditor_reference_of_the_customers_number():
    # The example of ISO 11649.
    assert payment_reference(539007547034) == "RF18539007547034"


@given(st.integers(1, 10**18), st.integers(1, 10**18))
def test_each_customer_has_a_payment_reference_of_their_own(one, other):
    assert remainder(payment_reference(one)) == 1
    assert len(payment_reference(one)) <= 25
    assert (payment_reference(one) == payment_reference(other)) == (one == other)


def test_the_customers_own_payment_reference_tells_no_payment_from_another():
    own = payment_reference(17)
    assert reference_key("bank_transfer", in_fours(own).lower(), own) == ""
    assert reference_key("bank_transfer", payment_reference(18), own)
    assert reference_key("bank_transfer", f"{own} of May", own)
