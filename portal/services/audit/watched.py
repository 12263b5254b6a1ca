"""What the audit log watches: of each kind of row the fields that it tells, and why it tells no others."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from portal.domain.bank_account import masked, shown
from portal.domain.party import Party
from portal.domain.wording import day, long_month
from portal.extensions import db
from portal.models import (
    Allocation,
    Assignment,
    AssignmentHold,
    AssignmentPrice,
    AssignmentQuantity,
    BalanceEntry,
    BankBooking,
    BankFile,
    BankLine,
    BankStatement,
    BulkAct,
    CallImport,
    Charge,
    Company,
    ConnexcsPackage,
    Contact,
    CorrectedAssignment,
    Correction,
    Customer,
    CustomerTaxRate,
    Did,
    DueDay,
    ImportUndo,
    Invitation,
    MoveImport,
    Note,
    Package,
    PackagePrice,
    PackageSchedule,
    Payment,
    PaymentBack,
    ReturnedPayment,
    Run,
    RunUndo,
    SentSummary,
)
from portal.models.user import User
from portal.services.bulk_acts import SEVERAL
from portal.services.packages.definition import DATED, DESCRIBED, FIXED, PRICE_LABELS


@dataclass(frozen=True, slots=True)
class Watch:
    """How a model is told of: its noun, the fields that are told, whose row it is and what it is called."""

    noun: str
    fields: tuple[str, ...]
    label: Callable[[Any], str]
    id: Callable[[Any], int | None] = lambda row: row.id
    customer: Callable[[Any], int | None] = lambda row: getattr(row, "customer_id", None)


def _on(row: Any) -> str:
    return f"{row.package.name} for {row.did.number if row.did else row.customer.name}"


def _whole(row: Any, owner: type, name: str) -> Any:
    """What a row is a part of; a row that was taken away knows that by its number only."""
    return getattr(row, name) or db.session.get_one(owner, getattr(row, f"{name}_id"))


def _assignment(row: Any) -> Assignment:
    found: Assignment = _whole(row, Assignment, "assignment")
    return found


def _customer_of_booking(row: Any) -> int | None:
    """Whose payment a line was booked as; a booking that was taken away knows it by its number only."""
    payment = row.payment or (row.payment_id and db.session.get(Payment, row.payment_id))
    back = row.payment_back or (row.payment_back_id and db.session.get(PaymentBack, row.payment_back_id))
    found = payment or back
    return int(found.customer_id) if found else None


PARTY = tuple(Party.__dataclass_fields__)

WATCHED: dict[type, Watch] = {
    Package: Watch(
        "package",
        (*DESCRIBED, *FIXED, "archived_on"),
        lambda row: row.name,
    ),
    PackagePrice: Watch(
        "package",
        ("currency", "effective_from", *PRICE_LABELS),
        lambda row: f"{_whole(row, Package, 'package').name}: prices",
        lambda row: row.package_id,
    ),
    PackageSchedule: Watch(
        "package",
        ("effective_from", *DATED),
        lambda row: f"{_whole(row, Package, 'package').name}: schedule",
        lambda row: row.package_id,
    ),
    ConnexcsPackage: Watch("ConnexCS package", ("name",), lambda row: row.name),
    Customer: Watch(
        "customer",
        ("name", *PARTY, "company_details", "email", "iban", "currency", "debit_limit", "payment_days",
         "monthly_summary_since", "archived_on", "account_codes"),
        lambda row: row.name,
        customer=lambda row: row.id,
    ),
    CustomerTaxRate: Watch(
        "customer",
        ("effective_from", "rate", "category", "reason"),
        lambda row: f"{_whole(row, Customer, 'customer').name}: tax rate",
        lambda row: row.customer_id,
    ),
    Contact: Watch(
        "customer",
        ("name", "role", "email", "phone"),
        lambda row: f"{_whole(row, Customer, 'customer').name}: contact",
        lambda row: row.customer_id,
    ),
    Note: Watch(
        "note",
        ("text", "come_back_on", "done_at"),
        lambda row: f"note on {_whole(row, Customer, 'customer').name}",
    ),
    Did: Watch("DID", ("number", "customer_id", "archived_on"), lambda row: row.number),
    Assignment: Watch(
        "assignment",
        ("package_id", "customer_id", "did_id", "start_date", "end_date", "charge_from", "anchor", "reference",
         "minutes", "minimum_days", "locked_until", "auto_decrement_credit", "withdrawn_on", "override_reason"),
        _on,
    ),
    AssignmentQuantity: Watch(
        "assignment",
        ("effective_from", "quantity"),
        lambda row: f"{_on(_assignment(row))}: quantity",
        lambda row: row.assignment_id,
        lambda row: _assignment(row).customer_id,
    ),
    AssignmentPrice: Watch(
        "assignment",
        ("effective_from", *PRICE_LABELS),
        lambda row: f"{_on(_assignment(row))}: own prices",
        lambda row: row.assignment_id,
        lambda row: _assignment(row).customer_id,
    ),
    BulkAct: Watch(
        SEVERAL, ("kind", "undone_on"), lambda row: row.label, customer=lambda row: None
    ),
    AssignmentHold: Watch(
        "assignment",
        ("choice", "held_lines", "charge_from", "passed_over_lines", "passed_over_amount"),
        lambda row: "held charges: a choice was made",
        lambda row: row.assignment_id,
    ),
    Charge: Watch(
        "charge",
        ("kind", "charge_on", "currency", "amount", "cost", "tax", "reason", "reverses_id", "writes_off_id",
         "auto_decrement_credit", "opening_number"),
        lambda row: row.label,
    ),
    Correction: Watch(
        "correction",
        ("package_id", "customer_id", "since", "right", "sentence", "before", "call_tax"),
        lambda row: f"corrected back to {day(row.since)}",
    ),
    CorrectedAssignment: Watch(
        "correction",
        ("assignment_id", "before"),
        lambda row: f"{_on(row.assignment)}: corrected",
        lambda row: row.correction_id,
        lambda row: row.assignment.customer_id,
    ),
    BalanceEntry: Watch("balance", ("source", "for_day", "amount", "reason"), lambda row: f"{row.source} entry"),
    Payment: Watch(
        "payment",
        ("state", "paid_on", "amount", "fee", "method", "bank_reference", "again_reason", "description"),
        lambda row: f"payment of {day(row.paid_on)}",
    ),
    PaymentBack: Watch(
        "payment back",
        ("paid_on", "amount", "method", "bank_reference", "cancelled_on"),
        lambda row: f"payment back of {day(row.paid_on)}",
    ),
    ReturnedPayment: Watch(
        "payment back",
        ("payment_id", "amount"),
        lambda row: f"returned of the payment of {day(row.payment.paid_on)}",
        lambda row: row.payment_back_id,
        lambda row: row.payment_back.customer_id,
    ),
    Allocation: Watch(
        "payment",
        ("charge_id", "source", "amount", "made_on", "released_on"),
        lambda row: f"allocation to {row.charge.label}",
        lambda row: row.payment_id,
    ),
    BankFile: Watch("bank statement", ("name", "account"), lambda row: row.name, customer=lambda row: None),
    BankStatement: Watch(
        "bank statement",
        ("account", "number", "begins", "through", "opening", "closing", "line_count"),
        lambda row: f"statement of {shown(row.account)}, {day(row.through)}",
    ),
    BankLine: Watch(
        "bank line",
        ("state", "note"),
        lambda row: f"line of the bank statement, {day(row.booked_on)}",
    ),
    BankBooking: Watch(
        "bank line",
        ("booked_as", "payment_id", "payment_back_id"),
        lambda row: f"line of the bank statement, {day(_whole(row, BankLine, 'line').booked_on)}: booking",
        lambda row: row.line_id,
        lambda row: _customer_of_booking(row),
    ),
    DueDay: Watch(
        "charge",
        ("due_on", "reason"),
        lambda row: f"due day of {row.charge.label}",
        lambda row: row.charge_id,
        lambda row: row.charge.customer_id,
    ),
    Run: Watch(
        "run",
        ("simulate", "through", "state", "charge_count", "held_count", "failed_count"),
        lambda row: f"{'simulation' if row.simulate else 'run'} up to {day(row.through)}",
    ),
    RunUndo: Watch(
        "run",
        ("state", "reason", "charge_count"),
        lambda row: f"undoing the run up to {day(row.run.through)}",
        lambda row: row.run_id,
        lambda row: row.run.customer_id,
    ),
    SentSummary: Watch("summary", ("month", "number"), lambda row: f"summary of {long_month(row.month)}"),
    CallImport: Watch(
        "import",
        ("state", "taken_count", "replaced_count", "bad_count", "bad_rows_dealt_with_by"),
        lambda row: row.file_name,
    ),
    ImportUndo: Watch(
        "import",
        ("reason",),
        lambda row: f"undoing import {row.import_id}",
        lambda row: row.import_id,
        lambda row: None,
    ),
    MoveImport: Watch(
        "moving in",
        ("kind", "state", "made_count", "changed_count", "bad_count", "undo_reason"),
        lambda row: row.file_name,
    ),
    Company: Watch(
        "settings",
        ("name", *PARTY, "email", "time_zone", "default_currency", "default_tax_rate",
         "usage_wait_days",
         "notification_days", "late_call_days", "payment_days", "account_name", "iban", "bic", "bank_details",
             "summary_footer", "audit_comment", "logo"),
        lambda row: row.name,
    ),
    User: Watch("person", ("name", "email", "active", "customer_id", "roles"), lambda row: row.email),
    Invitation: Watch(
        "person",
        ("email", "name", "role", "customer_id", "accepted_at", "withdrawn_at"),
        lambda row: f"invitation of {row.email}",
        lambda row: None,
    ),
}  # fmt: skip
# What no customer has: the log never says of one of these whose it is.
OF_NO_CUSTOMER = (
    "package", "ConnexCS package", SEVERAL, "bank statement", "import", "moving in", "settings",
)  # fmt: skip
# A run says how it stands after every chunk; only its beginning and its end are acts.
QUIET: dict[type, set[str]] = {
    Run: {"state"},
    RunUndo: {"state"},
    CallImport: {"state", "bad_rows_dealt_with_by"},
    MoveImport: {"state"},
}
# Of whom the log tells only so much that one is known from another: whoever may read the log may not see it all.
MASKED = {(Customer, "iban"): masked}

# Why a column of a watched row is not told. A new column is to be named here, or among the fields that are told.
WHICH = "which row it is, or whose: the line of the log says that itself"
WHEN = "who did it, and when: the line of the log says that itself"
ONCE = "keeps an act from being done twice, or over somebody else's"
FOLLOWS = "follows from what is told"
STAYS = "written once and never changed: the row itself can be looked at for good"
PROGRESS = "how far it has come: its beginning and its end are acts, not each step"
SECRET = "how somebody signs in: kept from everybody, the log with them"
SEEN = "when and from where somebody signed in: their account's page tells it"
EVERYWHERE = {
    "id": WHICH, "token": ONCE, "version": ONCE, "name_key": FOLLOWS, "search_key": FOLLOWS,
    "created_at": WHEN, "created_by": WHEN,
}  # fmt: skip
LEFT_OUT: dict[type, dict[str, str]] = {
    PackagePrice: {WHICH: "package_id"},
    PackageSchedule: {WHICH: "package_id"},
    Customer: {WHEN: "created_on", FOLLOWS: "details_key"},
    CustomerTaxRate: {WHICH: "customer_id"},
    Contact: {WHICH: "customer_id"},
    Note: {WHICH: "customer_id", WHEN: "done_by"},
    Did: {FOLLOWS: "country"},
    Assignment: {WHEN: "override_by override_at"},
    AssignmentQuantity: {WHICH: "assignment_id"},
    BulkAct: {WHICH: "label", WHEN: "done_on done_by done_at undone_by", FOLLOWS: "last_charge_id"},
    AssignmentPrice: {WHICH: "assignment_id"},
    AssignmentHold: {WHICH: "assignment_id", WHEN: "chosen_by chosen_at"},
    Correction: {WHICH: "currency", WHEN: "made_on made_by made_at"},
    CorrectedAssignment: {WHICH: "correction_id"},
    Charge: {
        WHICH: "correction_id customer_id assignment_id package_id run_id number label did_number",
        WHEN: "posted_at posted_by",
        STAYS: "corrects_id period_from period_until quantity unit_price unit_cost days whole_days spend tax_rate"
        " due_on",
    },
    BalanceEntry: {
        WHICH: "customer_id charge_id payment_id payment_back_id",
        WHEN: "made_at made_by made_on",
        STAYS: "tax",
    },
    PaymentBack: {WHICH: "customer_id", FOLLOWS: "reference_key"},
    ReturnedPayment: {WHICH: "payment_back_id"},
    Payment: {WHICH: "customer_id split_from_id", STAYS: "confirm_by_email", FOLLOWS: "reference_key"},
    Allocation: {
        WHICH: "customer_id payment_id by_charge_id",
        FOLLOWS: "by_hand released_by_id released_amount",
    },
    BankFile: {ONCE: "digest", WHEN: "kept_by kept_at", PROGRESS: "content"},
    BankStatement: {
        WHICH: "file_id currency",
        ONCE: "digest",
        STAYS: "known_count passed_over_count total",
        PROGRESS: "booking_by",
    },
    BankLine: {
        WHICH: "account currency booked_on",
        ONCE: "key",
        WHEN: "decided_by decided_at",
        STAYS: "amount kind name payer_account email text bank_reference other_references method fee returned",
        FOLLOWS: "payer_key numbers",
    },
    BankBooking: {WHICH: "line_id"},
    DueDay: {WHICH: "charge_id customer_id", WHEN: "made_on made_by made_at"},
    Run: {
        WHICH: "customer_id simulation_id",
        WHEN: "started_by started_at finished_at",
        ONCE: "fingerprint",
        PROGRESS: "due_count done_count heartbeat_at going_since going_from",
    },
    RunUndo: {
        WHICH: "run_id",
        WHEN: "started_by started_at finished_at",
        PROGRESS: "due_count done_count heartbeat_at",
    },
    SentSummary: {
        WHICH: "customer_id",
        WHEN: "asked_by asked_at written_on",
        PROGRESS: "state",
        STAYS: "to currency charged to_pay_then to_pay sentence mail_id",
    },
    CallImport: {
        WHICH: "file_name file_id digest",
        WHEN: "started_by started_at finished_at discarded_by",
        STAYS: "replaces layout head delimiter lines_before footer",
        FOLLOWS: "sentence proof",
        PROGRESS: "bytes_done bytes_total lines_done lines_total known_count late_count unanswered_count passed_count "
        "alike_count paused_seconds heartbeat_at",
    },
    ImportUndo: {
        WHICH: "import_id",
        WHEN: "started_by started_at finished_at",
        PROGRESS: "due_count done_count given_count",
    },
    MoveImport: {
        WHICH: "file_name sheet digest",
        WHEN: "started_by started_at finished_at undone_by undone_at",
        STAYS: "head layout has_names of_all takes_changes",
        FOLLOWS: "sentence same_count left_count",
        PROGRESS: "lines_total items_total items_done heartbeat_at",
    },
    User: {
        WHEN: "create_datetime update_datetime confirmed_at",
        ONCE: "fs_uniquifier",
        SECRET: "password mf_recovery_codes fs_webauthn_user_handle tf_last_counter tf_phone_number"
        " tf_primary_method tf_totp_secret us_phone_number us_totp_secrets username",
        SEEN: "current_login_at current_login_ip last_login_at last_login_ip login_count",
    },
    Invitation: {WHEN: "invited_at invited_by", FOLLOWS: "expires_at", SECRET: "token_digest"},
}


def left_out(model: type) -> dict[str, str]:
    """The columns of a watched row that are not told, each with the reason."""
    told = {name: why for why, names in LEFT_OUT.get(model, {}).items() for name in names.split()}
    return told | {name: why for name, why in EVERYWHERE.items() if hasattr(model, name)}
