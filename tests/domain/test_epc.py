"""What the QR code of a transfer says, line by line, as EPC069-12 has it."""

from decimal import Decimal

import pytest

from portal.domain.epc import epc_text

TOLD = ("Lumen Voice Ltd", "GB82WEST12345698765432", "WESTGB22")


def test_it_says_whom_to_pay_how_much_and_with_which_reference():
    assert epc_text(*TOLD, Decimal("1234.5"), "RF18539007547034").split("\n") == [
        "BCD", "002", "1", "SCT", "WESTGB22", "Lumen Voice Ltd", "GB82WEST12345698765432", "EUR1234.50", "",
        "RF18539007547034",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "iban", "amount"),
    [("", TOLD[1], 1), (TOLD[0], "", 1), (*TOLD[:2], 0), (*TOLD[:2], "1000000000")],
)
def test_there_is_none_without_an_account_or_of_what_no_transfer_has(name, iban, amount):
    assert epc_text(name, iban, "", Decimal(amount), "RF18539007547034") == ""
