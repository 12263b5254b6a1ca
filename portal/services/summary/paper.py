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
from portal.domain.paid_state import PaidState
from portal.domain.phone_numbers import international as phone
from portal.domain.schedule import ONE_DAY
from portal.domain.wording import (
    day,
    day_in,
    difference,
    money,
    money_in,
    percent,
    plural,
    price,
    span,
    whole,
)
from portal.models import Company
from portal.services.charges.explaining import Explained
from portal.services.credit.account import Account
from portal.services.credit.states import Standing
from portal.services.summary import Summary, fonts, scripts
from portal.services.summary.layout import Group
from portal.services.summary.parties import party_lines
from portal.services.summary.paying import how_to_pay
from portal.services.what_changed import WhatChanged

SOURCE = ROOT / "templates" / "summary" / "summary.typ"
PAPERS = {"a4": "a4", "letter": "us-letter"}
# What can be read aloud and kept: PDF/UA-1 (tagged) and PDF/A-2a (archival).
STANDARDS: list[Any] = ["ua-1", "a-2a"]
# Of the customer's name in a file's: file systems take 255 bytes in all.
NAME_MOST = 120
# Between the parts of a phone number, which stays on one line.
UNBROKEN = "\N{NO-BREAK SPACE}"


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
        "span": f"{span(summary.begins, summary.through + ONE_DAY)}, created on {day(made_on)}",
        "blocks": summary.blocks,
        "footer": f"{scripts.apart(company.name)} · {scripts.apart(customer.name)}",
        "provider": {
            "name": company.name,
            "lines": party_lines(company, scripts.apart),
        },
        "customer": {
            "name": customer.name,
            "lines": party_lines(customer, scripts.apart),
        },
        "to_pay": to_pay_in_words(summary, made_on),
        "account": _account(summary.account, customer.currency),
        "changed": changed_in_words(summary.changed, customer.currency) if summary.changed else None,
        "currencies": [_charges(summary, currency) for currency in summary.totals],
        "assigned_heads": [
            "Package",
            "On",
            "Quantity",
            "Charged",
            f"Price, {customer.currency}",
            "Since",
            *(["Last day"] if _has_ends(summary) else []),
        ],
        "assigned_as_of": f"As of {day(summary.through)}",
        "assigned": list(_assigned(summary)),
        "entries_head": f"Balance, {customer.currency}",
        "entry_heads": ["Date", "Entry", "For", "Amount", "Balance"],
        "entries": list(_entries(summary)),
        "fine": f"This is a summary of charges, not a tax invoice. {scripts.apart(company.summary_footer)}".strip(),
    }


def to_pay_in_words(summary: Summary, made_on: date) -> dict[str, Any]:
    """What to pay, by when and how, as the page says it."""
    account, currency = summary.account, summary.customer.currency
    then, now = account.then.to_pay, account.now.to_pay
    pay = how_to_pay(summary.customer, now)
    lines = [line.words for line in account.then.by_when(currency)]
    beside = ", not deducted" if then.total else ""
    if then.in_balance:
        lines.append(f"{money(then.in_balance, currency)} in the balance{beside}")
    if then.credit_to_use:
        lines.append(f"{money(then.credit_to_use, currency)} credit to use{beside}")
    if account.has_moved:
        said = [
            f"{money_in(now.total, currency)} to pay",
            *(line.words for line in account.now.by_when(currency)),
        ]
        lines.append(f"Today, {day(made_on)}: {'. '.join(said) if now.total else 'nothing to pay'}.")
    return {
        "head": f"To pay on {day(account.then.day)}" if account.then.day < made_on else "To pay",
        "sum": money_in(then.total, currency) if then.total else "Nothing to pay",
        "lines": lines,
        "how": pay.lines if now.total else [],
        "bank_details": pay.bank_details if now.total else [],
        "qr": pay.qr.svg if pay.qr else "",
        "qr_says": f"Scan with your bank's app to pay {money_in(now.total, currency)}",
    }


def _account(account: Account, currency: str) -> dict[str, Any] | None:
    """How it comes about, in the order of the page; None where there is nothing to account for."""
    if account.is_nothing:
        return None
    since = account.posted_since
    note = f"of which {money(since, currency)} charged since, for days before" if since else ""
    below_zero = account.then.to_pay.below_zero
    rows = [
        (f"Brought forward from before {day(account.begins)}", account.brought_forward, True, note),
        ("Charged", account.charged, True, ""),
        ("Credited", -account.credited, account.credited, ""),
        ("Written off", -account.written_off, account.written_off, ""),
        ("Paid", -account.paid, True, ""),
        ("Credit to use, kept for later", account.credit_to_use, account.credit_to_use, ""),
        ("Left of charges", account.left_of_charges, below_zero, ""),
        ("The balance is below zero", below_zero, below_zero, ""),
    ]
    return {
        "head": f"How it comes about, {currency}",
        "under": "Charges to be paid, with tax; not what was taken from the balance.",
        "rows": [[name, money(amount, currency), note] for name, amount, shown, note in rows if shown],
        "sum": [f"To pay on {day(account.then.day)}", money(account.then.to_pay.total, currency)],
    }


def changed_in_words(changed: WhatChanged, currency: str) -> dict[str, Any]:
    """What is not as before: all of it, a page has the largest."""
    before = span(changed.before_begins, changed.before_through + ONE_DAY)
    now = span(changed.begins, changed.through + ONE_DAY)
    return {
        "head": "What changed",
        "under": f"{now} against {before}, with tax and calls.",
        "rows": [
            [before, money(changed.before, currency), ""],
            *([line.words, difference(line.amount, currency), ""] for line in changed.lines),
        ],
        "sum": [now, money(changed.now, currency)],
    }


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
        "head": f"Charges, {currency}",
        "heads": ["Date", "For", "Period", "State", "Tax", "Amount"],
        "groups": [
            {
                "head": [group.name, plural(len(group.lines), "charge"), money(group.amount, currency)]
                if group.has_head
                else None,
                "lines": [_line(group, line, summary) for line in group.lines],
            }
            for group in summary.groups(currency)
        ],
        "sums": [
            {"name": "Before tax", "amount": money(sums.amount, currency), "strong": False},
            *taxes,
            {"name": f"Total, {currency}", "amount": money(sums.total, currency), "strong": True},
        ],
    }


def _line(group: Group, line: Explained, summary: Summary) -> dict[str, Any]:
    charge = line.charge
    kind = charge.kind.value
    stands = summary.standings.get(charge.id)
    said = kind if kind in ("setup", "credit", "difference", "reversal", "undo") else ""
    name = ", ".join(filter(None, (scripts.apart(group.named(line)), said)))
    counted = charge.quantity > 1 and kind not in ("manual", "reversal", "undo")
    words = [name if group.named(line) else name.capitalize()] if name else []
    if charge.did_number:
        # A number stays on one line.
        number = phone(charge.did_number).replace(" ", UNBROKEN)
        words.append(f"on {number}" if name else number)
    if counted and words:
        words[0] += f" × {whole(charge.quantity)}"
    return {
        "date": day(charge.charge_on),
        "name": " ".join(words),
        "why": line.why,
        "state": _state(stands, charge.currency, charge.charge_on.year) if stands else "",
        "period": _period(charge),
        "tax": f"{money(charge.tax, charge.currency)} ({percent(charge.tax_rate)})",
        "amount": money(charge.amount, charge.currency),
    }


def _period(charge: Any) -> str:
    """What it pays for; beside its date a period of the same year needs none."""
    words, year = span(charge.period_from, charge.period_until), f" {charge.charge_on.year}"
    if charge.is_once:
        return "once"
    return words.removesuffix(year) if words.count(" 20") == 1 else words


def _state(stands: Standing, currency: str, year: int) -> str:
    """What became of a charge that has a date of `year`, and what of it is left and due."""
    said = [stands.state.words]
    if stands.state in (PaidState.PART_PAID, PaidState.TO_USE):
        said = [
            f"{money(stands.left, currency)} {'left' if stands.state == PaidState.PART_PAID else 'to use'}"
        ]
    if stands.paid_on:
        said.append(day_in(stands.paid_on, year))
    if stands.due_on and stands.left:
        due = f"{'overdue' if stands.overdue_days else 'due'} {day_in(stands.due_on, year)}"
        said = [due] if stands.state == PaidState.OPEN else [f"{' '.join(said)}, {due}"]
    return " ".join(said)


def _assigned(summary: Summary) -> Iterator[list[str]]:
    for row in summary.assigned:
        yield [
            row.package,
            phone(row.did_number) if row.did_number else "",
            whole(row.quantity),
            row.charged,
            "" if row.retail is None else price(row.retail, summary.customer.currency),
            day(row.start_date),
            *([day(row.end_date)] if _has_ends(summary) else []),
        ]


def _has_ends(summary: Summary) -> bool:
    """Whether any package has a last day."""
    return any(row.end_date for row in summary.assigned)


def _entries(summary: Summary) -> Iterator[list[str]]:
    statement, currency = summary.statement, summary.customer.currency
    if not (statement.lines or statement.opening):
        return
    yield [day(statement.begins), "Opening balance", "", "", money(statement.opening, currency)]
    for entry in summary.entries:
        yield [
            day(entry.made_on),
            entry.words,
            day(entry.for_day),
            money(entry.amount, currency),
            money(entry.balance, currency),
        ]
    yield [day(statement.through), "Closing balance", "", "", money(statement.closing, currency)]


@cache
def _source() -> bytes:
    return SOURCE.read_bytes()
