"""The charge summary as PDF: the same summary as the page shows, set by typst, tagged and archival.

Its texts are written by the same hand as the page's, so that both say the same; typst is handed finished
texts and knows no rule of ours.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import typst
from anyascii import anyascii
from flask import current_app

from portal.config import ROOT
from portal.domain.errors import RuleBroken
from portal.domain.phone_numbers import international as phone
from portal.domain.wording import day, money, percent, price, span, whole
from portal.models import Company
from portal.services.charges.explaining import Explained
from portal.services.summary import Summary
from portal.web.summary import fonts, scripts

SOURCE = ROOT / "templates" / "summary" / "summary.typ"
PAPERS = {"a4": "a4", "letter": "us-letter"}
# What can be read aloud and kept: PDF/UA-1 (tagged) and PDF/A-2a (archival).
STANDARDS: list[Any] = ["ua-1", "a-2a"]
# Of the customer's name in a file's: file systems take 255 bytes in all.
NAME_MOST = 120


class CannotBeSet(Exception):
    """The summary could not be set as PDF; what typst says of it."""


def file_name(summary: Summary) -> str:
    """A name that sorts by customer, then by day, in letters that every file system and program takes."""
    latin = anyascii(summary.customer.name).lower()
    name = "-".join(re.findall("[a-z0-9]+", latin))[:NAME_MOST].strip("-") or "customer"
    return f"charge-summary_{name}_{summary.customer.id}_{summary.begins}_{summary.through}.pdf"


def pdf(summary: Summary, company: Company, made_on: date, paper: str = "a4") -> bytes:
    """The summary as PDF. The same summary made on the same day is the same file to the byte.

    Raises RuleBroken where it has letters that no font here has.
    """
    data = json.dumps(scripts.both_ways(as_data(summary, company, made_on, paper)), ensure_ascii=False)
    # A mark that programs put before a text is no letter, and may stand in no PDF.
    data = data.replace("\ufeff", "")
    inputs = {
        "data": data,
        "ideographs": scripts.language_of_ideographs(data),
        "logo": json.dumps(list(company.logo or b"")),
    }
    found = fonts.fonts(current_app.config["FONTS"])
    try:
        made, warnings = typst.compile_with_warnings(
            _source(),
            font_paths=found,
            ignore_system_fonts=True,
            format="pdf",
            sys_inputs=inputs,
            pdf_standards=STANDARDS,
            timestamp=int(datetime(made_on.year, made_on.month, made_on.day, tzinfo=UTC).timestamp()),
        )
    except typst.TypstError as error:
        if letters := fonts.unset(error.diagnostic):
            raise RuleBroken(fonts.refusal(summary.customer.name, letters, found.families())) from None
        raise
    if warnings:
        # An unknown font is a warning only, and gives a PDF without any text.
        raise CannotBeSet("; ".join(str(warning) for warning in warnings))
    assert isinstance(made, bytes)
    return made


def as_data(summary: Summary, company: Company, made_on: date, paper: str) -> dict[str, Any]:
    """Everything that the paper says, as finished texts."""
    customer = summary.customer
    return {
        "title": f"Charge summary {scripts.apart(customer.name)} {summary.begins} to {summary.through}",
        "paper": PAPERS[paper],
        "made": [made_on.year, made_on.month, made_on.day],
        "span": f"{day(summary.begins)} to {day(summary.through)}, both included · created on {day(made_on)}",
        "footer": f"{scripts.apart(company.name)} · {scripts.apart(customer.name)}",
        "provider": {
            "name": company.name,
            "lines": _lines(
                company.address, company.email, company.tax_id and f"Tax id {scripts.apart(company.tax_id)}"
            ),
        },
        "customer": {
            "name": customer.name,
            "lines": _lines(customer.company_details, customer.address, customer.email),
        },
        "currencies": [_charges(summary, currency) for currency in summary.totals],
        "assigned_heads": ["Package", "On", "Quantity", "Charged", f"Retail, {customer.currency}", "Since"],
        "assigned_as_of": f"As of {day(summary.through)}",
        "assigned": list(_assigned(summary)),
        "entry_heads": ["Date", "Entry", f"Amount, {customer.currency}", "Balance"],
        "entries": list(_entries(summary)),
        "fine": f"This is a summary of charges, not a tax invoice. {scripts.apart(company.summary_footer)}".strip(),
    }


def _lines(*texts: str) -> list[str]:
    return [line for text in texts if text for line in text.splitlines() if line.strip()]


def _charges(summary: Summary, currency: str) -> dict[str, Any]:
    sums = summary.totals[currency]
    taxes = [
        {
            "name": f"Tax, {percent(taxed.rate)} on {money(taxed.amount, currency)}",
            "amount": money(taxed.tax, currency),
            "strong": False,
        }
        for taxed in summary.taxes[currency]
    ]
    return {
        "currency": currency,
        "heads": ["Date", "For", "Period", "Tax", "Amount"],
        "lines": [_line(line, summary) for line in summary.lines if line.charge.currency == currency],
        "sums": [
            {"name": "Before tax", "amount": money(sums.amount, currency), "strong": False},
            *taxes,
            {"name": f"Total, {currency}", "amount": money(sums.total, currency), "strong": True},
        ],
    }


def _line(line: Explained, summary: Summary) -> dict[str, str]:
    charge = line.charge
    times = f" × {whole(charge.quantity)}" if charge.quantity > 1 else ""
    on = f" on {phone(charge.did_number)}" if charge.did_number else ""
    kind = {"setup": ", setup", "credit": ", credit", "difference": ", difference", "reversal": ", reversal"}
    state = " (reversed)" if charge.id in summary.reversed_ids else ""
    return {
        "date": day(charge.charge_on),
        "name": f"{scripts.apart(charge.label)}{kind.get(charge.kind.value, '')}{times}{on}{state}",
        "why": line.why,
        "period": "once" if charge.is_once else span(charge.period_from, charge.period_until),
        "tax": f"{money(charge.tax, charge.currency)} ({percent(charge.tax_rate)})",
        "amount": money(charge.amount, charge.currency),
    }


def _assigned(summary: Summary) -> Iterator[list[str]]:
    for row in summary.assigned:
        yield [
            row.assignment.package.name,
            phone(row.assignment.did.number) if row.assignment.did else "customer",
            whole(row.quantity),
            row.charged,
            "" if row.retail is None else price(row.retail, summary.customer.currency),
            day(row.assignment.start_date),
        ]


def _entries(summary: Summary) -> Iterator[list[str]]:
    statement, currency = summary.statement, summary.customer.currency
    if not (statement.lines or statement.opening):
        return
    yield [day(statement.begins), "Opening balance", "", money(statement.opening, currency)]
    for line in statement.lines:
        entry = line.entry
        yield [day(entry.made_on), line.words, money(entry.amount, currency), money(line.balance, currency)]
    yield [day(statement.through), "Closing balance", "", money(statement.closing, currency)]


@cache
def _source() -> bytes:
    return SOURCE.read_bytes()
