"""Every list as a file: what the pages of the list show, all of it, in their order; on both databases."""

import csv
import io
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import func, select

from portal.domain.terms import Proration
from portal.extensions import db
from portal.models import Assignment, BalanceEntry, Charge, Payment
from portal.services import portfolio
from portal.services.assignments.changing import change_end
from portal.services.packages.changes import make_change, plan_change
from portal.services.packages.definition import definition_of
from tests import many
from tests.pages import page, words
from tests.trade import BEN, NOW, TODAY, a_customer, a_package, assigned, run

SINCE = date(2026, 11, 1)
LIVED = date(2026, 11, 22)


def of_csv(answer):
    """The rows of a file, by heading."""
    assert answer.status_code == 200 and answer.mimetype == "text/csv", answer.text[:300]
    assert "attachment" in answer.headers["Content-Disposition"]
    return list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"), newline="")))


def of_xlsx(answer):
    """The same of a workbook, each cell as CSV has it."""
    assert answer.status_code == 200, answer.text[:300]
    head, *rows = CalamineWorkbook.from_filelike(io.BytesIO(answer.data)).get_sheet_by_index(0).to_python()
    return [dict(zip(head, row, strict=True)) for row in rows]


def same(cell, written):
    """Whether a cell of a workbook says what a cell of a CSV file says."""
    if isinstance(cell, float):
        return Decimal(str(cell)) == Decimal(written)
    return str(cell) == written.removeprefix("'") or str(cell) == written


def walked(client, url, label):
    """What stands in a column of a list, page for page."""
    found, told = [], ""
    while url:
        soup = page(client.get(url))
        for row in soup.select(".ledger")[-1].select("tbody tr"):
            cell = row.select(f"[data-label='{label}']" if label else "th")[0]
            found.append(words(cell))
        told = words(soup.select(".pager p")[0])
        url = next((a["href"] for a in soup.select(".pager a[rel=next]")), None)
    return found, told


def file_of(client, url, view):
    """The address of the list's file, as its page links to it."""
    soup = page(client.get(url))
    return next(a["href"] for a in soup.select(".downloads a") if view in a["href"])


@pytest.fixture
def provider(app, session, monkeypatch):
    """A provider of 70 assignments, three weeks of runs and payments, terms that change, and who pays late."""
    monkeypatch.setitem(app.config, "TODAY", LIVED.isoformat())
    portfolio.write(70, SINCE)
    portfolio.live(SINCE, LIVED)
    # Which of the others pay depends on their ids, and ids begin anywhere.
    assigned(a_package("Line of old"), a_customer("Late"), SINCE)
    run(SINCE)
    session.commit()
    return app


LISTS = [
    ("/packages", "", "/packages/list.csv", "Name"),
    ("/packages?sort=-added&state=all", "", "/packages/list.csv", "Name"),
    ("/customers", "", "/customers/list.csv", "Name"),
    ("/customers?sort=-recurring", "", "/customers/list.csv", "Name"),
    ("/customers?sort=paid&currency=EUR", "", "/customers/list.csv", "Name"),
    ("/customers?q=a", "", "/customers/list.csv", "Name"),
    ("/dids", "", "/dids/list.csv", "Number"),
    ("/dids?state=stock&sort=-number", "", "/dids/list.csv", "Number"),
    ("/charges", "Customer", "/charges/list.csv", "Customer"),
    ("/charges?sort=posted", "Customer", "/charges/list.csv", "Customer"),
    ("/charges?paid=overdue&sort=-amount", "Customer", "/charges/list.csv", "Customer"),
    ("/charges?kind=setup", "Customer", "/charges/accounts.csv", "Customer"),
    ("/runs", "", "/runs/list.csv", "Run"),
    ("/payments", "", "/payments/list.csv", "Customer"),
    ("/payments?sort=amount&state=completed", "", "/payments/list.csv", "Customer"),
    ("/owed?currency=EUR", "", "/owed/list.csv", "Customer"),
    ("/owed?sort=name&currency=EUR", "", "/owed/list.csv", "Customer"),
    ("/margins?by=customer&currency=EUR", "", "/margins/list.csv", "Customer"),
    ("/margins?by=did&currency=EUR&sort=-name", "", "/margins/list.csv", "DID"),
    ("/won-and-lost?from=2026-01-01", "", "/won-and-lost/list.csv", "Customer"),
    ("/won-and-lost?kind=new&sort=customer&from=2026-01-01", "", "/won-and-lost/list.csv", "Customer"),
    ("/settings/audit", "", "/settings/audit/list.csv", "Name"),
    ("/settings/audit?noun=run", "", "/settings/audit/list.csv", "Name"),
]


def once(values):
    """Without what is repeated line for line: a package has a line a currency, a run one too."""
    return [value for place, value in enumerate(values) if not place or values[place - 1] != value]


def digits(text):
    return "".join(letter for letter in text if letter.isalnum())


def test_the_file_of_each_list_is_the_list(client, provider):
    wrong = []
    for url, label, view, heading in LISTS:
        shown, told = walked(client, url, label)
        address = file_of(client, url, view)
        rows = of_csv(client.get(address))
        written = [row[heading] for row in rows]
        if "/packages" in url or "/runs" in url:
            written = once(written)
        assert shown, url
        pairs = list(zip(shown, written, strict=False))
        if len(shown) != len(written) or any(digits(one)[:20] not in digits(text) for text, one in pairs):
            wrong.append((url, len(shown), len(written), pairs[:3]))
        if not url.startswith(("/owed", "/packages", "/runs")) and f"{len(rows):,}" not in told:
            wrong.append((url, told, len(rows)))
        workbook = of_xlsx(client.get(address.replace(".csv", ".xlsx")))
        assert len(workbook) == len(rows)
        for row, cells in zip(rows[:40], workbook, strict=False):
            assert list(row) == list(cells)
            differs = {name: (row[name], cells[name]) for name in row if not same(cells[name], row[name])}
            differs = {name: two for name, two in differs.items() if "\n" not in two[0] and "'" not in two[0]}
            assert not differs, url
    assert not wrong


def test_the_sums_of_the_files_are_those_of_the_tables(client, provider):
    charges = of_csv(client.get("/charges/list.csv"))
    for heading, column in (("Amount", Charge.amount), ("Tax", Charge.tax), ("Cost", Charge.cost)):
        assert sum(Decimal(row[heading]) for row in charges) == db.session.scalar(select(func.sum(column)))
    paid = of_csv(client.get("/payments/list.csv"))
    assert sum(Decimal(row["Amount"]) for row in paid) == db.session.scalar(select(func.sum(Payment.amount)))
    accounts = of_csv(client.get("/charges/accounts.csv"))
    assert [row["Net"] for row in accounts] == [row["Amount"] for row in charges]
    assert all(Decimal(row["Gross"]) == Decimal(row["Net"]) + Decimal(row["Tax"]) for row in accounts)
    assert {row["Account"] for row in accounts} == {""}


def test_what_is_assigned_is_there_with_all_that_it_takes_to_go_on(client, provider):
    rows = of_csv(client.get("/assignments/list.csv"))
    assert [int(row["Reference"][1:]) for row in rows] == list(
        db.session.scalars(select(Assignment.id).order_by(Assignment.id))
    )
    for row in rows[:50]:
        assignment = db.session.get_one(Assignment, int(row["Reference"][1:]))
        assert row["Customer"] == assignment.customer.name and row["Package"] == assignment.package.name
        assert row["Start Date"] == assignment.start_date.isoformat()
        until = assignment.position.charged_until
        assert row["Charged Until"] == (until.isoformat() if until else "")
        assert row["Charge From"] >= row["Start Date"] or not row["Charge From"]


def test_the_file_of_upcoming_charges_has_those_of_every_day(client, provider):
    through = LIVED + timedelta(days=40)
    asked = f"from={LIVED}&to={through}"
    soup = page(client.get(f"/charges/upcoming?{asked}"))
    rows = of_csv(client.get(file_of(client, f"/charges/upcoming?{asked}", "upcoming.csv")))
    dated = [row for row in rows if row["Date"]]
    assert f"{len(dated):,} charges on" in words(soup.select_one("main"))
    assert [row["Date"] for row in dated] == sorted(row["Date"] for row in dated)
    assert LIVED.isoformat() <= dated[0]["Date"] and dated[-1]["Date"] <= through.isoformat()


@pytest.fixture
def northwind(app, session, monkeypatch):
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())
    return a_customer()


def test_a_statement_is_there_from_the_opening_to_the_closing_balance(client, session, northwind):
    many.adjustments(northwind, TODAY, 1_203)
    session.commit()
    first = (TODAY - timedelta(days=1)).isoformat()
    rows = of_csv(client.get(f"/customers/{northwind.id}/credit/statement.csv?from={first}&to={TODAY}"))
    assert len(rows) == 1_205
    assert (rows[0]["Entry"], rows[0]["Balance"]) == ("Opening balance", "0.00")
    assert (rows[-1]["Entry"], rows[-1]["Balance"]) == ("Closing balance", "1203.00")
    entries = db.session.scalars(select(BalanceEntry).order_by(BalanceEntry.id)).all()
    assert [row["Entry"] for row in rows[1:-1]] == [entry.reason for entry in entries]
    assert [Decimal(row["Balance"]) for row in rows[1:-1]] == list(range(1, 1_204))


def test_a_package_has_a_line_for_each_currency_and_for_each_later_day(client, session, northwind):
    package = a_package("Seat", "10", currencies=("GBP", "EUR"), setup_retail="5")
    assigned(package, northwind)
    run()
    stored = definition_of(package, TODAY)
    later = tuple(replace(one, retail=Decimal(12)) if one.currency == "GBP" else one for one in stored.prices)
    make_change(plan_change(package, replace(stored, prices=later), date(2027, 1, 1), TODAY))
    session.commit()
    rows = of_csv(client.get("/packages/list.csv"))
    told = [(row["Name"], row["Currency"], row["Effective from"], row["Retail"]) for row in rows]
    assert told == [
        ("Seat", "EUR", "", "10.00"), ("Seat", "EUR", "2027-01-01", "10.00"),
        ("Seat", "GBP", "", "10.00"), ("Seat", "GBP", "2027-01-01", "12.00"),
    ]  # fmt: skip
    assert {row["Frequency"] for row in rows} == {"Monthly"} and rows[0]["Frequency Match"] == "1"


def test_a_name_that_looks_like_a_formula_is_none_in_any_file(client, session, northwind):
    northwind.name = "=HYPERLINK(1)"
    session.commit()
    (row,) = of_csv(client.get("/customers/list.csv"))
    assert row["Name"] == "'=HYPERLINK(1)"
    (cells,) = of_xlsx(client.get("/customers/list.xlsx"))
    assert cells["Name"] == "=HYPERLINK(1)"


def test_what_is_not_posted_of_a_credit_is_named_with_its_sum(client, session, northwind):
    package = a_package("Seat", "30", proration=Proration.DAILY)
    assignment = assigned(package, northwind, date(2026, 11, 1))
    run()
    change_end(assignment, TODAY, TODAY, by=BEN, now=NOW)
    session.commit()
    (row,) = of_csv(client.get("/assignments/list.csv"))
    assert (row["Not Posted Yet"], row["Anchor"], row["State"]) == ("-8.00", "2026-11-01", "Active")
    run(TODAY + timedelta(days=1))  # of a last day the rest is given back on the day after it
    session.commit()
    (row,) = of_csv(client.get("/assignments/list.csv"))
    assert row["Not Posted Yet"] == ""


@pytest.mark.parametrize("form", ["csv", "xlsx"])
@pytest.mark.parametrize(
    "path",
    [
        "/charges/list.{}?from=nonsense", "/charges/accounts.{}?to=nonsense", "/payments/list.{}?from=nonsense",
        "/payments-back/list.{}?to=2300-01-01", "/owed/list.{}?on=nonsense", "/charges/upcoming.{}?from=nonsense",
        "/calls/found.{}?from=nonsense",
    ],
)  # fmt: skip
def test_days_that_cannot_be_read_give_a_sentence_and_no_file(client, northwind, path, form):
    answer = client.get(path.format(form))
    assert answer.status_code == 422 and answer.mimetype == "text/html"


def test_no_other_form_of_file_is_given(client, northwind):
    assert client.get("/packages/list.ods").status_code == 404
    assert client.get(f"/assignments/list.csv?customer={northwind.id + 1}").status_code == 404


def test_a_viewer_gets_no_more_of_a_bank_account_than_a_page_shows(as_viewer, client, session):
    a_customer("Acme").iban = "DE89370400440532013000"
    db.session.commit()
    shown = [of_csv(one.get("/customers/list.csv"))[0]["IBAN"] for one in (as_viewer, client)]
    assert shown == ["DE89 … 3000", "DE89370400440532013000"]
