"""Every POST route: which page shows its form, and what fills it in so that it can be accepted.

A new route needs a row. `page` is the view that shows the form, `at` what its address needs besides
tests/role_things.py, `query` its query, `fill` what is typed. A form that other buttons send too is
found by `form`, the view of its action. Without a page, `fill` names the fields and their kinds.
`{customer_id}` and the like stand for the parts of tests/role_things.py and tests/bad_input_world.py.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """A POST route, and a submission that is accepted."""

    page: str = ""
    role: str = "owner"
    at: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    fill: dict[str, Any] = field(default_factory=dict)
    form: str = ""
    kinds: dict[str, str] = field(default_factory=dict)
    # A preview answers 200 to what it cannot use, and stores nothing.
    is_preview: bool = False
    # The view, where several rows try the same one.
    view: str = ""
    # Field names whose bad values change nothing that counts, each with the reason.
    harmless: dict[str, str] = field(default_factory=dict)
    # Field names that need not be filled in, though they are marked so: nothing typed is their default.
    defaults: tuple[str, ...] = ("quantity",)
    # A word by which an answer names a field that nobody sees.
    says: dict[str, str] = field(default_factory=dict)
    # Nothing to fill in: a button.
    is_button: bool = False
    # A file is tried by the tests of uploads.
    status: tuple[int, ...] = (200, 204, 302, 303)
    # Whose form is seen is for nobody else: an id of theirs, by field.
    theirs: dict[str, str] = field(default_factory=dict)


BUTTON = Row(is_button=True)
PASSWORDS = "a password is compared, not kept"
ASSIGN = {"package": "{spare}", "quantity": "2", "start_date": "2026-11-22"}
# Without tax, so that there is a reason to give.
UNTAXED = {"tax_rate": "0", "tax_category": "exempt", "tax_reason": "Education"}
TOKEN = {"token": "tests/web/http/test_once.py tries it"}
GONE = "the note is removed, whatever its fields say"
WHICH = "which form it is; anything else is the form of one number"
NO_OWN_PRICE = {"confirmed": "no own price changes"}
NOT_CHOSEN = "without a day it is the first day that can be"
INTAKE = {"customer": "Acme", "package": "{spare}", "start_date": "2026-11-22", "quantity": "1"}
INTAKE_HARMLESS = TOKEN | {"by": WHICH, "fingerprint": "what differs is shown once more"}
DID_INTAKE = {"query": {"by": "block"}, "harmless": INTAKE_HARMLESS, "says": {"by": "number"}}
BLOCK = INTAKE | {"first": "+442079461000", "last": "+442079461003", "by": "block"}
DID_LINES = {
    "query": {"by": "lines"},
    "harmless": INTAKE_HARMLESS | {"text": "a bad line is shown with its reason"},
    "says": {"by": "number"},
}
LINES = INTAKE | {"by": "lines", "text": "number,note\n+442079461000,x\n+442079461001,y"}
MANY = {"ids": "id", "end_date": "date"}
PRICES = {
    "ids": "id", "retail": "number", "cost": "number", "setup_cost": "number", "setup_retail": "number",
    "effective_from": "date", "lift": "choice",
}  # fmt: skip

CORRECTION = {
    "since": "2026-11-01",
    "currency": "GBP",
    "retail": "20",
    "quantity": "3",
    "seen": "{correction_seen}",
}

ROWS = {
    "account.end_session": BUTTON,
    "account.end_sessions": BUTTON,
    "account.update": Row("account.show"),
    "assignments.assign_many": Row(
        "assignments.bulk", query={"ids": "{did_id}"}, fill=ASSIGN, harmless=TOKEN
    ),
    "assignments.bulk": Row(fill={"ids": "{did_id}"}, is_preview=True),
    "assignments.create": Row(
        "assignments.new", at={"customer_id": "{customer_id}"}, fill=ASSIGN, harmless=TOKEN
    ),
    "assignments.create did": Row(
        "assignments.new", at={"did_id": "{did_id}"}, fill=ASSIGN, harmless=TOKEN, view="assignments.create"
    ),
    "assignments.delete": Row("assignments.ask_end", is_button=True),
    "assignments.draft_many": Row(
        "assignments.bulk",
        query={"ids": "{did_id}"},
        fill=ASSIGN,
        form="assignments.assign_many",
        is_preview=True,
    ),
    "assignments.end": Row("assignments.ask_end", fill={"last_day": "other", "end_date": "2026-12-31"}),
    "assignments.end_many": Row(
        fill={"ids": "{assignment_id}", "end_date": "2026-12-31"}, kinds=MANY, defaults=("end_date",)
    ),
    "assignments.remove_many": Row(
        fill={"ids": "{later}", "seen": "1"},
        kinds={"ids": "id", "seen": "text"},
        harmless={"seen": "it only says that what is removed was shown"},
    ),
    "assignments.delete_planned": Row(
        fill={"effective_from": "2027-01-01"},
        kinds={"effective_from": "date"},
        status=(409, 422),
        says={"effective_from": "in force"},
    ),
    "assignments.own_prices_of_many": Row(
        fill={
            "ids": "{assignment_id}",
            "retail": "8",
            "cost": "",
            "setup_cost": "",
            "setup_retail": "",
            "effective_from": "",
            "lift": "cost",
        },
        kinds=PRICES,
        defaults=("retail", "cost", "setup_cost", "setup_retail", "effective_from", "lift"),
    ),
    "assignments.update": Row("assignments.edit", fill={"quantity": "3", "seen": "y"}, harmless=NO_OWN_PRICE),
    "assignments.update_row": Row(
        "assignments.edit",
        form="assignments.update",
        fill={"quantity": "3", "seen": "y"},
        harmless=NO_OWN_PRICE,
    ),
    "bank_lines.accept": Row(
        fill={"seal": "{seal}"},
        kinds={"seal": "hidden"},
        says={"seal": "has changed"},
    ),
    "bank_lines.book": Row(
        "bank_lines.show",
        at={"line_id": "{to_tell}"},
        fill={"customer": "Acme", "amount": "12.00"},
        kinds={"again_reason": "text"},
        theirs={"chosen": "{their_charge}"},
    ),
    "bank_lines.came_back": Row(
        "bank_lines.show",
        at={"line_id": "{returned}"},
        fill={"payments": "{debited}"},
        kinds={"payments": "id"},
    ),
    "bank_lines.pay_back": Row("bank_lines.show", at={"line_id": "{out}"}, fill={"customer": "Acme"}),
    "bank_lines.put_back": BUTTON,
    "bank_lines.set_aside": Row("bank_lines.show", fill={"note": "Rent"}),
    "bank_lines.tie": Row(
        "bank_lines.show",
        at={"line_id": "{recorded_line}"},
        fill={"payments": "{recorded}"},
        kinds={"payments": "id"},
    ),
    "bank_statements.book_exact": BUTTON,
    "bank_statements.create": Row(is_button=True),
    "bank_statements.discard": BUTTON,
    "bank_statements.keep_columns": Row(
        "bank_statements.map_columns",
        fill={"own": "Main account", "booked_on": "0", "amount": "1", "text": "2", "currency_of_all": "GBP"},
        harmless={"own": "an account is kept in capitals, without spaces"},
    ),
    "bulk_acts.undo": BUTTON,
    "calls.create": Row(is_button=True),
    "calls.deal_with_bad_rows": BUTTON,
    "calls.discard": BUTTON,
    "calls.keep_columns": Row(
        "calls.map_columns",
        at={"import_id": "{strange}"},
        fill={"call_id": "0", "customer": "1", "started_at": "2", "amount": "5", "seconds": "3"},
    ),
    "calls.remember_code": Row(is_button=True),
    "calls.resume": BUTTON,
    "calls.stop": BUTTON,
    "calls.undo": Row("calls.ask_undo", fill={"reason": "Wrong prices."}, at={"import_id": "{came}"}),
    "charges.create": Row(
        "charges.new",
        query={"customer_id": "{customer_id}"},
        harmless=TOKEN,
        fill={"description": "Cabling", "amount": "12.50"},
        theirs={"assignment": "{their_assignment}"},
    ),
    "charges.move_due_day": Row("charges.ask_due_day", fill={"due_on": "2027-03-01", "reason": "They asked"}),
    "charges.reverse": Row("charges.reversal", fill={"reason": "Twice"}),
    "charges.ask_reversals": Row(fill={"ids": "{charge_id}"}, kinds={"ids": "id"}, is_preview=True),
    "charges.reverse_many": Row(
        "charges.ask_reversals",
        query={"ids": "{charge_id}"},
        fill={"reason": "Twice"},
        says={"seen": "has changed", "ids": "selected"},
    ),
    "charges.use_credit": Row(
        "charges.ask_use_credit",
        at={"charge_id": "{discount}"},
        fill={"amount": "2"},
        theirs={"charge": "{their_charge}"},
        says={"seen": "has changed"},
    ),
    "charges.write_off": Row("charges.ask_write_off", fill={"reason": "Out of business"}),
    "credit.pay_from_balance": BUTTON,
    "moving_in.create": Row(is_button=True),
    "moving_in.discard": BUTTON,
    "moving_in.keep_columns": Row(
        "moving_in.columns",
        at={"move_id": "{moving}"},
        fill={"column-name": "0", "column-company_details": "1"},
    ),
    "moving_in.keep_values": Row(
        "moving_in.show", at={"move_id": "{moving}"}, fill={"say-currency": "EUR", "say-tax_rate": "19"}
    ),
    "moving_in.resume": BUTTON,
    "moving_in.start": Row("moving_in.show", at={"move_id": "{moving}"}, says={"fingerprint": "has changed"}),
    "moving_in.stop": BUTTON,
    "moving_in.undo": Row("moving_in.ask_undo", fill={"reason": "The wrong file."}),
    "notes.create": Row(
        "notes.new",
        query={"customer_id": "{customer_id}"},
        fill={"text": "Call back", "come_back_on": "2026-12-01"},
        harmless=TOKEN,
    ),
    "notes.delete": Row("notes.edit", form="notes.update", harmless={"text": GONE, "come_back_on": GONE}),
    "notes.take_up_again": BUTTON,
    "notes.tick_off": BUTTON,
    "notes.update": Row("notes.edit", fill={"text": "Wait", "come_back_on": "2026-12-01"}),
    "owed.pay": BUTTON,
    "connexcs_packages.add_known": BUTTON,
    "connexcs_packages.create": Row("connexcs_packages.index", fill={"name": "Echo cancelling"}),
    "connexcs_packages.delete": BUTTON,
    "connexcs_packages.update_row": Row("connexcs_packages.edit_row", fill={"name": "Renamed"}),
    "corrections.create": Row(
        "corrections.new",
        query={"ids": "{assignment_id}"},
        fill=CORRECTION,
        harmless=TOKEN,
        says=dict.fromkeys(("seen", "retail", "quantity", "sentence"), "has changed"),
    ),
    "corrections.create_rate": Row(
        "corrections.new_rate",
        query={"customer_id": "{customer_id}"},
        fill={"since": "2026-11-01", **UNTAXED, "seen": "{rate_seen}"},
        harmless=TOKEN,
        says=dict.fromkeys(("seen", "sentence", "tax_category", "tax_reason"), "has changed"),
    ),
    "corrections.new": Row(fill={"ids": "{assignment_id}"}, is_preview=True),
    "corrections.of_customers": Row(fill={"ids": "{customer_id}"}, is_preview=True),
    "corrections.preview": Row(
        "corrections.new",
        query={"ids": "{assignment_id}"},
        fill=CORRECTION,
        form="corrections.create",
        is_preview=True,
    ),
    "corrections.preview_rate": Row(
        "corrections.new_rate",
        query={"customer_id": "{customer_id}"},
        fill={"since": "2026-11-01", **UNTAXED},
        form="corrections.create_rate",
        is_preview=True,
    ),
    "corrections.send": Row("corrections.show", is_button=True),
    "credit.adjust": Row("credit.new_adjustment", fill={"amount": "5", "reason": "Goodwill"}, harmless=TOKEN),
    "customers.archive": BUTTON,
    "customers.change_tax_rate": Row("customers.details", fill={**UNTAXED, "tax_rate_from": "2027-02-01"}),
    "customers.create": Row("customers.new", fill={"name": "Newcomer", **UNTAXED}, harmless=TOKEN),
    "customers.drop_tax_rate": Row(
        fill={"effective_from": "2027-01-01"},
        kinds={"effective_from": "date"},
        says={"effective_from": "in force"},
    ),
    "customers.restore": BUTTON,
    "customers.update": Row("customers.edit", fill={"name": "Acme Two"}),
    "customers.update_row": Row(
        "customers.index", query={"editing": "{customer_id}"}, fill={"name": "Acme Two"}
    ),
    "did_intake.again": Row(
        "did_intake.new", **DID_INTAKE, fill=BLOCK, form="did_intake.check", is_preview=True
    ),
    "did_intake.bad_lines": Row(
        "did_intake.new", **DID_INTAKE, fill=BLOCK, form="did_intake.check", is_preview=True
    ),
    "did_intake.check": Row("did_intake.new", **DID_INTAKE, fill=BLOCK, is_preview=True),
    "did_intake.columns": Row(
        "did_intake.new", **DID_LINES, fill=LINES, form="did_intake.check", is_preview=True
    ),
    "did_intake.create": Row(
        "did_intake.new",
        query={"by": "one"},
        harmless=INTAKE_HARMLESS,
        fill={"by": "one", "number": "+442079461000", "customer": "Acme", "quantity": "1"},
    ),
    "did_intake.create block": Row(
        "did_intake.new", **DID_INTAKE, fill=BLOCK, form="did_intake.check", view="did_intake.create"
    ),
    "did_intake.create paste": Row(
        "did_intake.new",
        query={"by": "lines"},
        form="did_intake.check",
        view="did_intake.create",
        harmless=INTAKE_HARMLESS | {"text": "a bad line is shown with its reason"},
        says={"by": "number"},
        fill=INTAKE | {"by": "lines", "text": "+442079461000\n+442079461001"},
    ),
    "did_intake.keep_layout": Row(
        "did_intake.new",
        **DID_LINES | {"says": {"by": "number", "text": "column"}},
        fill=LINES | {"column-shown": "1", "column-number": "0"},
        form="did_intake.check",
    ),
    "dids.delete": BUTTON,
    "dids.give": Row("dids.whose", at={"did_id": "{stock}"}, fill={"customer": "Acme"}),
    "dids.give_many": Row(
        fill={"ids": "{stock}", "customer": "Acme"},
        kinds={"ids": "id", "customer": "text"},
        defaults=("customer",),
    ),
    "dids.release": BUTTON,
    "dids.release_many": Row(fill={"ids": "{stock}"}),
    "dids.restore": BUTTON,
    "dids.update_row": Row("dids.index", query={"editing": "{stock}"}, fill={"customer": "Acme"}),
    "holds.choose": Row("holds.show", fill={"choice": "charge_from", "charge_from": "2026-11-22"}),
    "holds.choose_for_all": Row("holds.index", fill={"choice": "charge_from", "charge_from": "2026-11-22"}),
    "invitations.accept": Row(
        "invitations.show",
        "nobody",
        fill={
            "name": "Three",
            "password": "lantern-in-the-fog-9",
            "password_confirm": "lantern-in-the-fog-9",
        },
        harmless={
            "password": PASSWORDS,
            "password_confirm": PASSWORDS,
            "username": "only for password keepers",
        },
    ),
    "my.people_deactivate": BUTTON,
    "my.people_invite": Row(
        "my.people_new", "acme", fill={"email": "four@acme.example", "name": "Four", "role": "customer user"}
    ),
    "my.people_reactivate": BUTTON,
    "my.people_resend": BUTTON,
    "my.people_take_second_step_away": BUTTON,
    "my.people_update_row": Row("my.people_edit_row", "acme", fill={"name": "Two Two"}),
    "my.people_withdraw": BUTTON,
    "my.set_monthly_summary": BUTTON,
    "packages.archive": BUTTON,
    "packages.archive_many": Row(fill={"ids": "{spare}"}),
    "packages.copy": Row(
        "packages.edit", at={"package_id": "{spare}"}, form="packages.update", is_preview=True
    ),
    "packages.create": Row(
        "packages.new",
        fill={
            "name": "Fresh",
            "currency": "GBP",
            "retail": "5",
            "frequency": "monthly",
            "match_of": "monthly",
            "frequency_match": "1",
            "proration": "daily",
        },
        kinds={"frequency_match": "choice"},
        harmless=TOKEN
        | {
            "version": "nothing is stored yet",
            "confirmed": "nobody has it yet",
            "try_number": "not stored",
            "match_of": "which days were shown",
            "destination": "only free minutes have one; see the next row",
        },
        says={"match_of": "frequency"},
    ),
    "packages.create minutes": Row(
        "packages.new",
        fill={
            "name": "Fresh minutes",
            "currency": "GBP",
            "retail": "5",
            "frequency": "monthly",
            "match_of": "monthly",
            "proration": "daily",
            "type": "free_minutes",
            "destination": "44%",
        },
        view="packages.create",
        harmless=TOKEN
        | {
            "version": "nothing is stored yet",
            "confirmed": "nobody has it yet",
            "try_number": "not stored",
            "match_of": "which days were shown",
        },
        says={"match_of": "frequency"},
    ),
    "packages.delete": Row(is_button=True, at={"package_id": "{spare}"}),
    "packages.delete_planned": Row(
        fill={"effective_from": "2027-01-01"},
        kinds={"effective_from": "date"},
        status=(409, 422),
        says={"effective_from": "in force"},
    ),
    "packages.preview": Row("packages.new", form="packages.create", is_preview=True),
    "packages.restore": BUTTON,
    "packages.update": Row(
        "packages.edit",
        at={"package_id": "{spare}"},
        fill={"retail": "30"},
        harmless=TOKEN
        | {
            "confirmed": "nobody has it",
            "try_number": "not stored",
            "match_of": "which days were shown",
            "destination": "only free minutes have one",
        },
        says={"match_of": "frequency"},
    ),
    "packages.update_row": Row(
        "packages.edit_row",
        at={"package_id": "{spare}"},
        fill={"retail": "30"},
        harmless={"confirmed": "nobody has it"},
    ),
    "payments.allocate": Row(
        "payments.show",
        fill={"chosen": "{charge_id}"},
        theirs={"chosen": "{their_charge}"},
        says={"seen": "has changed"},
    ),
    "payments.cancel": Row("payments.show", at={"payment_id": "{pending}"}),
    "payments.complete": Row("payments.show", at={"payment_id": "{pending}"}),
    "payments.create": Row(
        "payments.new",
        query={"customer_id": "{customer_id}"},
        fill={"amount": "8"},
        kinds={"again_reason": "text"},
        theirs={"chosen": "{their_charge}"},
        harmless=TOKEN,
    ),
    "payments.split": Row(
        "payments.ask_split",
        fill={"customer": "Globex", "amount": "1"},
        harmless=TOKEN,
    ),
    "payments_back.cancel": BUTTON,
    "payments_back.create": Row(
        "payments_back.new",
        query={"customer_id": "{customer_id}"},
        fill={"amount": "1"},
        theirs={"chosen": "{their_charge}"},
        harmless=TOKEN,
        says={"chosen": "is left for it"},
    ),
    "payments.release_allocation": BUTTON,
    "payments.release": Row("payments.show"),
    "people.deactivate": BUTTON,
    "people.invite": Row("people.new", fill={"email": "new@lumen.example", "name": "New", "role": "viewer"}),
    "people.invite_for_customer": Row(
        "people.new_for_customer",
        fill={"email": "five@acme.example", "name": "Five", "role": "customer user"},
    ),
    "people.reactivate": BUTTON,
    "people.resend": BUTTON,
    "people.take_second_step_away": BUTTON,
    "people.update_row": Row("people.edit_row", fill={"name": "Two Two"}),
    "people.withdraw": BUTTON,
    "runs.create": Row("runs.new", fill={"customer": "Acme", "simulate": "yes"}),
    "runs.post": Row(
        fill={"fingerprint": "x"},
        at={"run_id": "{simulation}"},
        kinds={"fingerprint": "hidden"},
        status=(302, 303, 409),
        says={"fingerprint": "no longer up to date"},
    ),
    "runs.resume": BUTTON,
    "runs.stop": BUTTON,
    "runs.undo": Row("runs.ask_undo", fill={"reason": "Wrong prices."}, at={"run_id": "{posted_run}"}),
    "sent_summaries.ask": Row(fill={"ids": "{customer_id}"}, kinds={"ids": "id"}, is_preview=True),
    "sent_summaries.send": Row(fill={"ids": "{customer_id}"}, kinds={"ids": "id"}),
    "sent_summaries.send_one": Row(
        fill={"number": "1"}, kinds={"number": "number"}, says={"number": "number"}
    ),
    "sent_summaries.set_monthly": BUTTON,
    "settings.remove_logo": BUTTON,
    "settings.update_logo": BUTTON,
    "settings.update": Row("settings.index", fill={"name": "Lumen Two"}),
}

# Flask-Security's own forms answer a refusal with the form, and keep nothing of what was typed.
SECURITY = {
    "security.change_password": ("security.change_password", "owner"),
    "security.forgot_password": ("security.forgot_password", "nobody"),
    "security.login": ("security.login", "nobody"),
    "security.logout": ("", "nobody"),
    "security.mf_recovery": ("", "nobody"),
    "security.mf_recovery_codes": ("security.mf_recovery_codes", "owner"),
    "security.reset_password": ("", "nobody"),
    "security.tf_select": ("", "nobody"),
    "security.two_factor_rescue": ("", "nobody"),
    "security.two_factor_setup": ("security.two_factor_setup", "owner"),
    "security.two_factor_setup_validate": ("", "owner"),
    "security.two_factor_token_validation": ("", "nobody"),
    "security.verify": ("security.verify", "owner"),
    "security.wan_delete": ("", "owner"),
    "security.wan_register": ("security.wan_register", "owner"),
    "security.wan_register_response": ("", "owner"),
    "security.wan_signin": ("security.wan_signin", "nobody"),
    "security.wan_signin_response": ("", "nobody"),
    "security.wan_verify": ("security.wan_verify", "owner"),
    "security.wan_verify_response": ("", "owner"),
}
# What their views take, where no page of theirs can be asked for.
SECURITY_FIELDS = ("email", "password", "code", "credential", "name", "token", "next", "remember")

# What the addresses of pages may be asked, whichever page it is.
QUERY = (
    "q", "sort", "after", "before", "from", "to", "through", "customer", "customer_id", "assignment_id", "ids",
    "state", "currency", "type", "frequency", "kind", "auto", "country", "editing", "by", "package", "quantity",
    "start_date", "end_date", "last_day", "shown", "charge_from", "charge_from_day", "minutes", "minimum_days",
    "effective_from", "paper",
    "narrow", "all_found", "page", "next", "noun", "action", "entity", "who",
)  # fmt: skip
