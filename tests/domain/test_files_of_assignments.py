"""Files of assignments, opening items and payments: which column says what, as other systems call them."""

from datetime import date
from decimal import Decimal

import pytest

from portal.domain.csv_files.cells import Bad
from portal.domain.move_files import assignments, opening, payments
from portal.domain.move_files.layout import MoveLayout, recognise
from portal.domain.payments import PaymentMethod, PaymentState

WAYS = MoveLayout()


@pytest.mark.parametrize(
    ("columns", "head", "found"),
    [
        pytest.param(
            assignments.COLUMNS,
            "id,Customer ID,Customer Description,Plan,Quantity,Status,Start (UTC),Current Period End (UTC)",
            "reference account_code customer package quantity state start_date charge_from",
            id="Stripe subscriptions",
        ),
        pytest.param(
            assignments.COLUMNS,
            "ID,Client ID,Client Name,Product/Service,Qty,Signup Date,Next Due Date,Status",
            "reference account_code customer package quantity start_date charge_from state",
            id="WHMCS services",
        ),
        pytest.param(
            assignments.COLUMNS,
            "Customer,Package,Qty,Start,End",
            "customer package quantity start_date end_date",
            id="packages of ConnexCS customers",
        ),
        pytest.param(
            opening.COLUMNS,
            "Invoice Number,Contact Name,Invoice Date,Due Date,Amount Due,Currency",
            "number customer day due_on gross currency",
            id="open invoices of Xero",
        ),
        pytest.param(
            opening.COLUMNS,
            "Num,Customer,Date,Due Date,Open Balance",
            "number customer day due_on gross",
            id="open invoices of QuickBooks",
        ),
        pytest.param(
            payments.COLUMNS,
            "ID,Client Name,Date,Payment Method,Transaction ID,Amount In,Fees",
            "customer paid_on method bank_reference amount fee",
            id="transactions of WHMCS",
        ),
    ],
)
def test_columns_are_known_as_other_systems_call_them(columns, head, found):
    names = head.split(",")
    known = recognise(names, columns)
    assert sorted(known, key=known.__getitem__) == found.split()


def read(columns, name, cell):
    return next(column for column in columns if column.name == name).value(cell, WAYS)


def test_planned_terms_stand_in_a_cell_a_line_for_each_day():
    quantities = read(assignments.COLUMNS, "planned_quantities", "2028-01-01; 3\n2027-01-01; 5")
    assert quantities == ((date(2027, 1, 1), 5), (date(2028, 1, 1), 3))
    prices = read(assignments.COLUMNS, "planned_own", "2027-01-01; Retail 20; Setup Cost 1.50\n2028-01-01;")
    assert prices == (
        (date(2027, 1, 1), {"retail": Decimal(20), "setup_cost": Decimal("1.50")}),
        (date(2028, 1, 1), {}),
    )


@pytest.mark.parametrize(
    ("columns", "name", "cell", "why"),
    [
        (
            assignments.COLUMNS,
            "planned_own",
            "2027-01-01; 20",
            "enter Cost, Retail, Setup Cost or Setup Retail",
        ),
        (assignments.COLUMNS, "planned_quantities", "soon; 3", "enter a day as in"),
        (assignments.COLUMNS, "did", "12", "DID: "),
        (assignments.COLUMNS, "quantity", "1.5", "enter a whole number"),
        (payments.COLUMNS, "state", "refunded", "nothing came of it"),
        (payments.COLUMNS, "amount", "=1+1", "is a formula"),
    ],
)
def test_what_cannot_be_read_says_why(columns, name, cell, why):
    with pytest.raises(Bad, match=why):
        read(columns, name, cell)


def test_methods_and_states_are_read_as_other_systems_call_them():
    said = {
        "Stripe": PaymentMethod.CARD,
        "bank_transfer": PaymentMethod.BANK_TRANSFER,
        "BACS": "bank_transfer",
    }
    assert {cell: read(payments.COLUMNS, "method", cell) for cell in said} == said
    assert read(payments.COLUMNS, "state", "Paid") == PaymentState.COMPLETED


def test_a_number_is_read_with_plus_and_without():
    assert {read(assignments.COLUMNS, "did", cell) for cell in ("+44 20 7946 0123", "442079460123")} == {
        "+442079460123"
    }
