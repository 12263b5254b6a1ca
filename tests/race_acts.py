"""What people and commands do in the scene of the races: for every route and command, requests that do something.

An act is named by what it does; `of` is its route or command in tests/lock_table.py. `{name}` in an address stands
for the id of a thing of tests/race_scene.py, `name.version` in a form for the version it had when it was opened.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO
from typing import Any

from flask import Flask

from portal import clock
from portal.domain.errors import RuleBroken
from portal.extensions import db
from portal.models import FileKind, MoveImport
from portal.services import audit, notices
from portal.services.bank import exact
from portal.services.calls import importing, retention, undoing
from portal.services.dids import intake as did_intake
from portal.services.dids.intake import Wanted, Yes
from portal.services.dids.lines import read_lines
from portal.services.moving_in import accepting, making
from portal.services.moving_in import undoing as undoing_moves
from portal.services.people import people
from portal.services.runs import runs
from portal.services.summary import sending
from tests import trade, world
from tests.race_scene import OCTOBER, Scene, lines_of
from tests.services.company.test_logo import png

TODAY, LATER = trade.TODAY.isoformat(), (trade.TODAY + timedelta(days=20)).isoformat()
PART = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Act:
    """One thing that is done: a request, or, of a command, what it does. `scene` says where it makes sense."""

    name: str
    of: str
    path: str = ""
    form: dict[str, Any] = field(default_factory=dict)
    who: str = "owner"
    scene: str = "busy"
    command: Callable[[Scene], Any] | None = None
    # What the statement says before which it is held; its first write, where nothing is said.
    held_at: str = ""

    def __call__(self, app: Flask, scene: Scene, click: str) -> tuple[int, str]:
        """The status and the page of the answer. `click` makes the token of a form this one's own."""
        if self.command:
            with app.app_context(), audit.acting(audit.NOBODY):
                try:
                    self.command(scene)
                except RuleBroken as refusal:  # a command says so, and ends
                    return 409, refusal.sentence
                finally:
                    db.session.remove()
            return 0, ""
        client = (
            app.test_client() if self.who in (*scene.cookies, "nobody") else world.signed_in(app, self.who)
        )
        if self.who in scene.cookies:
            with client.session_transaction() as cookie:
                cookie.update(scene.cookies[self.who], _fresh=True, fs_paa=world.time.time())

        def named(text: str) -> str:
            return PART.sub(lambda part: str(scene.names[part[1]]), text)

        form = {named(name): _filled(value, scene, click) for name, value in self.form.items()}
        answer = client.post(named(self.path), data=form)
        return answer.status_code, answer.get_data(as_text=True)


def _filled(value: Any, scene: Scene, click: str) -> Any:
    if callable(value):
        return value()
    if isinstance(value, list):
        return [_filled(one, scene, click) for one in value]
    if value == "a click":
        return click
    return scene.names.get(value, value) if isinstance(value, str) else value


def _charge(scene: Scene) -> None:
    run = runs.start(trade.TODAY, simulate=False, today=trade.TODAY, by="cron", now=clock.now())
    db.session.commit()
    runs.carry_out(run.id, trade.TODAY, clock.now)


def _book_exact(scene: Scene) -> None:
    from portal.models import BankStatement

    statement = db.session.get_one(BankStatement, scene.names["bank_statement"])
    exact.book_exact(statement, by="cron", today=trade.TODAY, now=clock.now)


def _sweep(_scene: Scene) -> None:
    """What a night's run does once it is done, a month later."""
    retention.sweep(clock.now() + timedelta(days=31), 30)


def _take_in(name: str) -> Callable[[Scene], None]:
    def take_in(scene: Scene) -> None:
        from portal.models import CallImport

        import_ = db.session.get_one(CallImport, scene.names[name])
        if import_.state != "running":
            importing.go_on(import_, clock.now())
            db.session.commit()
        importing.carry_out(scene.names[name], trade.TODAY, clock.now)

    return take_in


def _undo_import(scene: Scene) -> None:
    from portal.models import CallImport

    undoing.start_undoing(
        db.session.get_one(CallImport, scene.names["came"]), "Wrong", by="cron", now=clock.now()
    )
    db.session.commit()
    undoing.carry_out(scene.names["came"], trade.TODAY, clock.now)


def _add_dids(_scene: Scene) -> None:
    """A file's DIDs: one that is new, one that is there, each with a package."""
    lines = read_lines("number,customer,package\n+442079460199,Fresh,Line\n+442079460101,,Line\n", "file")
    wanted, yes = Wanted(start_date=trade.TODAY), Yes(there=True)
    did_intake.lock_report(did_intake.check(lines, wanted, yes))
    report = did_intake.check(lines, wanted, yes)
    did_intake.take_in(report, token="a night", by="cron", now=clock.now(), today=trade.TODAY)
    db.session.commit()


CUSTOMERS = "Name,E-mail\nNewcomer,n@newcomer.example\nFresh,moved@fresh.example\n"


def _move_in(kind: str, text: str) -> Callable[[Scene], None]:
    def move_in(_scene: Scene) -> None:
        import_ = accepting.accept(
            BytesIO(text.encode()), "a.csv", FileKind(kind), by="cron", now=clock.now(), is_new=True
        )
        making.begin(import_, takes_changes=True, good_only=True, today=trade.TODAY, now=clock.now())
        db.session.commit()
        making.carry_out(import_.id, trade.TODAY, clock.now)

    return move_in


def _go_on_moving_in(scene: Scene) -> None:
    making.go_on(db.session.get_one(MoveImport, scene.names["half_moved"]), clock.now())
    db.session.commit()
    making.carry_out(scene.names["half_moved"], trade.TODAY, clock.now)


def _take_moved_back(scene: Scene) -> None:
    import_ = db.session.get_one(MoveImport, scene.names["moved"])
    undoing_moves.begin(import_, "The wrong file", by="cron", now=clock.now())
    db.session.commit()
    undoing_moves.carry_out(import_.id, trade.TODAY, clock.now)


def _announce(scene: Scene) -> None:
    for chunk in notices.to_announce(trade.TODAY):
        notices.announce(chunk, trade.TODAY, clock.now())
        db.session.commit()


def _send_summaries(scene: Scene) -> None:
    sending.send(OCTOBER, [scene.names["foxtrot"]], today=trade.TODAY, by="cron", now=clock.now())
    db.session.commit()
    sending.carry_out(trade.TODAY, clock.now)


def _send_monthly(_scene: Scene) -> None:
    sending.send_by_themselves(trade.TODAY, clock.now())
    db.session.commit()
    sending.carry_out(trade.TODAY, clock.now)


def _to_ben(what: Callable[..., None], *more: Any) -> Callable[[Scene], None]:
    def done(_scene: Scene) -> None:
        what(people.known(world.email("billing")), *more)
        db.session.commit()

    return done


def _forms() -> list[Act]:
    line = {"package": "line", "quantity": "1", "start_date": TODAY, "token": "a click"}
    edit = {
        "version": "due.version",
        "quantity": "3",
        "start_date": "2026-11-01",
        "end_date": "",
        "seen": "1",
    }
    define = {
        "name": "Spare", "cost": "10", "setup_cost": "0", "setup_retail": "0", "frequency": "monthly",
        "match_of": "monthly", "frequency_match": ["1"], "proration": "none", "connexcs_package": "",
        "description": "", "minimum_days": "0", "type": "standard", "destination": "", "version": "spare.version",
        "effective_from": TODAY,
    }  # fmt: skip
    fresh = {
        "version": "fresh.version", "name": "Fresh", "email": "", "company_details": "", "street": "",
        "debit_limit": "0",
    }  # fmt: skip
    company = {
        "version": "1", "name": "Lumen Voice", "street": "", "email": "", "vat_id": "", "time_zone": "UTC",
        "default_currency": "USD", "usage_wait_days": "1", "notification_days": "30", "late_call_days": "90",
        "summary_footer": "", "audit_comment": "off", "payment_days": "14",
    }  # fmt: skip
    manual = {
        "customer_id": "fresh", "assignment": "", "charge_on": TODAY, "amount": "5", "cost": "0",
        "description": "Visit",
        "token": "a click",
    }  # fmt: skip
    invite = {"email": "zoe@lumen.example", "name": "Zoe", "role": "billing"}
    columns = ("call_id", "customer", "did", "destination", "started_at", "seconds", "amount", "cost")
    mapped = {name: place for place, name in enumerate(columns)}
    return [
        # assignments
        Act("assign Line to Fresh", "assignments.create", "/customers/{fresh}/assignments", line, "billing"),
        Act("assign Line to Fresh, by another clerk", "assignments.create", "/customers/{fresh}/assignments", line),
        Act("assign Line to the DID", "assignments.create", "/dids/{did}/assignments", line),
        Act("assign Spare to Fresh", "assignments.create", "/customers/{fresh}/assignments",
            {**line, "package": "spare"}),
        Act("assign Bundle to Acme", "assignments.create", "/customers/{acme}/assignments",
            {**line, "package": "bundle", "minutes": "10", "start_date": "2026-11-01", "twice": "1"}),
        Act("assign Line to many", "assignments.assign_many", "/assignments/many/customers/assign",
            {**line, "ids": "fresh"}),
        Act("assign Line to many DIDs", "assignments.assign_many", "/assignments/many/dids/assign",
            {**line, "ids": "did"}),
        Act("change the quantity", "assignments.update", "/assignments/{due}", edit),
        Act("an own price for it", "assignments.update", "/assignments/{due}",
            {**edit, "quantity": "1", "retail": "9", "cost": "", "confirmed": "due.own"}),
        Act("own prices of many", "assignments.own_prices_of_many", "/assignments/own-prices",
            {"ids": ["due", "later"], "retail": "9", "confirmed": "both.own"}),
        Act("remove a planned own price", "assignments.delete_planned",
            "/assignments/{later}/own-prices/planned/delete", {"effective_from": "2026-12-09"}),
        Act("end the assignment", "assignments.end", "/assignments/{due}/end",
            {"version": "due.version", "end_date": TODAY}),
        Act("end the later assignment", "assignments.end", "/assignments/{later}/end",
            {"version": "later.version", "end_date": LATER}),
        Act("end many", "assignments.end_many", "/assignments/end", {"ids": "later", "end_date": LATER}),
        Act("remove many", "assignments.remove_many", "/assignments/remove", {"ids": "later", "seen": "1"}),
        Act("delete the later assignment", "assignments.delete", "/assignments/{later}/delete",
            {"version": "later.version"}),
        Act("delete today's assignment", "assignments.delete", "/assignments/{today}/delete",
            {"version": "today.version"}),
        # calls
        Act("stop the import", "calls.stop", "/calls/{going}/stop"),
        Act("take up the import", "calls.resume", "/calls/{paused}/resumption"),
        Act("take up Fresh's import", "calls.resume", "/calls/{fresh_calls}/resumption", held_at="bytes_done"),
        Act("map the columns", "calls.keep_columns", "/calls/{unmapped}/columns", mapped),
        Act("remember whom a file means", "calls.remember_code", "/calls/{paused}/account-codes",
            {"code": "Acme of the switch", "customer": "Acme"}),
        Act("undo the import", "calls.undo", "/calls/{came}/undo", {"reason": "Wrong."}),
        Act("take in a file", "calls.create", "/calls", {"file": _calls_file}),
        Act("send the file again that waits", "calls.create", "/calls", {"file": _paused_file}),
        # files to move in with
        Act("send a file of customers", "moving_in.create", "/imports", {"kind": "customers", "file": _customers_file}),
        Act("send the customers again that wait", "moving_in.create", "/imports",
            {"kind": "customers", "file": _waiting_customers_file}),
        Act("move in", "moving_in.start", "/imports/{moving}/start",
            {"fingerprint": "moving_seen", "takes_changes": "y"}),
        Act("describe the customers", "moving_in.keep_columns", "/imports/{moving}/columns",
            {"column-name": "0", "column-account_codes": "1", "column-day_order": "", "column-decimal": ""}),
        Act("say the currency of customers", "moving_in.keep_values", "/imports/{moving}/values",
            {"say-currency": "EUR"}),
        Act("discard the customers", "moving_in.discard", "/imports/{moving}/discard"),
        Act("stop moving in", "moving_in.stop", "/imports/{half_moved}/stop"),
        Act("go on moving in", "moving_in.resume", "/imports/{half_moved}/resumption"),
        Act("take the customers back", "moving_in.undo", "/imports/{moved}/undo", {"reason": "The wrong file."}),
        Act("discard the file", "calls.discard", "/calls/{unmapped}/discard"),
        Act("discard the file that waits", "calls.discard", "/calls/{paused}/discard"),
        Act("say that bad rows are dealt with", "calls.deal_with_bad_rows", "/calls/{half_bad}/bad-rows/dealt-with"),
        # the bank
        Act("accept the line", "bank_lines.accept", "/bank-lines/{bank_exact}/acceptance", {"seal": "exact.seal"}),
        Act("book the line", "bank_lines.book", "/bank-lines/{bank_exact}/payments",
            {"version": "bank_exact.version", "customer": "Fresh", "amount": "11"}),
        Act("book the other line", "bank_lines.book", "/bank-lines/{bank_to_tell}/payments",
            {"version": "bank_to_tell.version", "customer": "Golf", "amount": "12"}),
        Act("set the line aside", "bank_lines.set_aside", "/bank-lines/{bank_exact}/setting-aside",
            {"version": "bank_exact.version", "note": "Rent"}),
        Act("tie the line to its payment", "bank_lines.tie", "/bank-lines/{bank_recorded_line}/recorded",
            {"version": "bank_recorded_line.version", "payments": "bank_recorded"}),
        Act("cancel the payment that is tied", "payments.cancel", "/payments/{bank_recorded}/cancel",
            {"version": "bank_recorded.version"}),
        Act("say that the payment came back", "bank_lines.came_back", "/bank-lines/{bank_returned}/returned",
            {"version": "bank_returned.version", "payments": "bank_debited"}),
        Act("pay back by a line", "bank_lines.pay_back", "/bank-lines/{bank_out}/paid-back",
            {"version": "bank_out.version", "customer": "Golf"}),
        Act("put the line back", "bank_lines.put_back", "/bank-lines/{bank_booked}/put-back",
            {"version": "bank_booked.version"}),
        Act("book all exact lines", "bank_statements.book_exact", "/bank-statements/{bank_statement}/bookings"),
        Act("describe the statement", "bank_statements.keep_columns", "/bank-statements/files/{bank_file}/columns",
            {"heading": "1", "own": "Main", "booked_on": "0", "amount": "1", "text": "2", "currency_of_all": "GBP",
             "day_order": "", "decimal": ""}),
        Act("discard the statement's file", "bank_statements.discard", "/bank-statements/files/{bank_file}/discard"),
        Act("archive Golf", "customers.archive", "/customers/{golf}/archive", {"version": "golf.version"}),
        Act("the exact lines of a command", "import statement", command=_book_exact),
        # charges and credit
        Act("charge Fresh", "charges.create", "/charges", manual),
        Act("reverse the charge", "charges.reverse", "/charges/{charge}/reversal", {"reason": "Wrong"}),
        Act("reverse two charges", "charges.reverse_many", "/charges/reversals",
            {"ids": ["charge", "visit"], "reason": "Wrong", "seen": "two.seen"}),
        Act("write off the charge", "charges.write_off", "/charges/{charge}/write-off", {"reason": "Bankrupt"}),
        Act("move the charge's due day", "charges.move_due_day", "/charges/{charge}/due-day",
            {"due_on": "2027-06-30", "reason": "They asked"}),
        Act("use the credit", "charges.use_credit", "/charges/{discount}/credit",
            {"seen": "7.2", "charge": "visit", "amount": "4"}),
        Act("use all the credit", "charges.use_credit", "/charges/{discount}/credit",
            {"seen": "7.2", "charge": "visit", "amount": "7.2"}),
        Act("write off the visit", "charges.write_off", "/charges/{visit}/write-off", {"reason": "Bankrupt"}),
        Act("pay from the balance", "credit.pay_from_balance", "/customers/{acme}/credit/pay"),
        Act("pay from the balance, for many", "owed.pay", "/owed/pay", {"ids": "acme"}),
        Act("adjust Fresh's balance", "credit.adjust", "/customers/{fresh}/credit/adjustments",
            {"amount": "3", "for_day": TODAY, "reason": "Sorry", "token": "a click"}),
        Act("adjust Gone's balance", "credit.adjust", "/customers/{gone}/credit/adjustments",
            {"amount": "3", "for_day": TODAY, "reason": "Sorry", "token": "a click"}),
        Act("record a payment of Fresh", "payments.create", "/payments?customer_id={fresh}",
            {"amount": "30", "paid_on": TODAY, "state": "completed", "fee": "0", "token": "a click"}),
        Act("complete the payment", "payments.complete", "/payments/{pending}/complete",
            {"version": "pending.version"}),
        Act("complete Delta's payment", "payments.complete", "/payments/{expected}/complete",
            {"version": "expected.version"}),
        Act("cancel the pending payment", "payments.cancel", "/payments/{pending}/cancel",
            {"version": "pending.version"}),
        Act("cancel the payment", "payments.cancel", "/payments/{paid}/cancel", {"version": "paid.version"}),
        Act("release the payment", "payments.release", "/payments/{paid}/release", {"version": "paid.version"}),
        Act("allocate the rest", "payments.allocate", "/payments/{paid}/allocations",
            {"chosen": "charge", "amount_{charge}": "29.40", "seen": "paid.seen"}),
        Act("allocate less", "payments.allocate", "/payments/{paid}/allocations",
            {"chosen": "charge", "amount_{charge}": "2", "seen": "paid.seen"}),
        Act("split the payment", "payments.split", "/payments/{paid}/split",
            {"customer": "Delta", "amount": "75", "description": "", "token": "a click"}),
        Act("split the payment for Fresh", "payments.split", "/payments/{paid}/split",
            {"customer": "Fresh", "amount": "60", "description": "", "token": "a click"}),
        Act("pay back", "payments_back.create", "/payments-back?customer_id={acme}",
            {"amount": "30", "paid_on": TODAY, "token": "a click"}),
        Act("pay the rest back", "payments_back.create", "/payments-back?customer_id={acme}",
            {"amount": "40", "paid_on": TODAY, "token": "a click"}),
        Act("cancel the payment back", "payments_back.cancel", "/payments-back/{back}/cancel",
            {"version": "back.version"}),
        Act("release the allocation", "payments.release_allocation", "/payments/allocations/{allocation}/release"),
        # notes
        Act("add a note", "notes.create", "/notes?customer_id={acme}", {"text": "Call", "token": "a click"}),
        Act("change the note", "notes.update", "/notes/{note}", {"text": "Wait", "version": "note.version"}),
        Act("remove the note", "notes.delete", "/notes/{note}/delete", {"version": "note.version"}),
        Act("tick off the note", "notes.tick_off", "/notes/{note}/done"),
        Act("take up the note again", "notes.take_up_again", "/notes/{note}/waits"),
        # corrections
        Act("correct Seat", "corrections.create", "/corrections",
            {"package": "seat", "since": "2026-11-01", "currency": "GBP", "retail": "20", "seen": "seat_seen",
             "token": "a click"}),
        Act("correct Acme's seat", "corrections.create", "/corrections",
            {"ids": "begun", "since": "2026-11-01", "currency": "GBP", "quantity": "2", "seen": "begun_seen",
             "token": "a click"}, "billing"),
        Act("correct Acme's tax rate", "corrections.create_rate", "/corrections/tax-rate",
            {"customer_id": "acme", "since": "2026-11-01", "tax_rate": "7", "seen": "rate_seen", "token": "a click"},
            "billing"),
        Act("mail about the correction", "corrections.send", "/corrections/{corrected}/mails"),
        # customers
        Act("archive Fresh", "customers.archive", "/customers/{fresh}/archive"),
        Act("archive Delta", "customers.archive", "/customers/{delta}/archive"),
        Act("take Gone back", "customers.restore", "/customers/{gone}/restore"),
        Act("change Fresh's currency", "customers.update", "/customers/{fresh}", {**fresh, "currency": "EUR"}),
        Act("rename Fresh", "customers.update_row", "/customers/{fresh}/row",
            {"version": "fresh.version", "name": "Fresher", "email": "", "tax_rate": "21"}),
        Act("change Fresh's tax rate", "customers.change_tax_rate", "/customers/{fresh}/tax-rates",
            {"version": "fresh.version", "tax_rate": "7", "tax_rate_from": ""}),
        Act("change Globex's tax rate", "customers.change_tax_rate", "/customers/{globex}/tax-rates",
            {"version": "globex.version", "tax_rate": "7", "tax_rate_from": TODAY}),
        Act("drop a tax rate", "customers.drop_tax_rate", "/customers/{fresh}/tax-rates/drop",
            {"effective_from": LATER}),
        # DIDs
        Act("add a DID for Fresh with Line", "did_intake.create", "/dids",
            {"by": "one", "country": "GB", "number": "+442079460103", "customer": "Fresh", "token": "a click"}),
        Act("add DIDs", "did_intake.create", "/dids",
            {"by": "one", "country": "GB", "number": "+442079460199", "customer": "", "token": "a click"}),
        Act("give the stock DID to Fresh", "dids.give", "/dids/{stock}/customer",
            {"version": "stock.version", "customer": "Fresh"}),
        Act("give the stock DID to Globex", "dids.update_row", "/dids/{stock}/row",
            {"version": "stock.version", "customer": "Globex"}),
        Act("give many DIDs to Fresh", "dids.give_many", "/dids/give", {"ids": "stock", "customer": "Fresh"}),
        Act("release the DID", "dids.release", "/dids/{did}/release"),
        Act("release many DIDs", "dids.release_many", "/dids/release", {"ids": "did"}),
        Act("delete the stock DID", "dids.delete", "/dids/{stock}/delete"),
        Act("restore the archived DID", "dids.restore", "/dids/{old}/restore"),
        # holds
        Act("post all that is held", "holds.choose", "/held/{held}", {"choice": "post_all"}),
        Act("charge what is held from today", "holds.choose_for_all", "/held",
            {"choice": "charge_from", "charge_from": TODAY}),
        # packages
        Act("add a package on Fax", "packages.create", "/packages",
            {**define, "name": "New", "currency": "GBP", "retail": "24.50", "connexcs_package": "service",
             "token": "a click"}),
        Act("put Spare on Fax", "packages.update", "/packages/{spare}",
            {**define, "currency": ["GBP", "USD"], "cost": ["10", "10"], "retail": ["24.50", "24.50"],
             "setup_cost": ["0", "0"], "setup_retail": ["0", "0"], "connexcs_package": "service"}),
        Act("drop Spare's GBP", "packages.update", "/packages/{spare}",
            {**define, "currency": "USD", "retail": "24.50"}),
        Act("make Spare dearer", "packages.update_row", "/packages/{spare}/row",
            {"version": "spare.version", "name": "Spare", "currency": "GBP", "cost": "10", "retail": "99",
             "effective_from": TODAY}),
        Act("archive Line", "packages.archive", "/packages/{line}/archive"),
        Act("archive Spare", "packages.archive", "/packages/{spare}/archive"),
        Act("archive many packages", "packages.archive_many", "/packages/archive", {"ids": "spare"}),
        Act("restore Line", "packages.restore", "/packages/{line}/restore"),
        Act("delete Spare", "packages.delete", "/packages/{spare}/delete"),
        Act("delete what is planned", "packages.delete_planned", "/packages/{line_two}/planned/delete",
            {"effective_from": (trade.TODAY + timedelta(days=9)).isoformat()}),
        Act("delete Fax", "connexcs_packages.delete", "/connexcs-packages/{service}/delete"),
        Act("rename Fax", "connexcs_packages.update_row", "/connexcs-packages/{service}/row",
            {"version": "service.version", "name": "Telefax"}),
        # people
        Act("make Otto a clerk", "people.update_row", "/settings/people/{otto}/row",
            {"name": "Otto", "role": "billing"}),
        Act("shut Olivia out", "people.deactivate", "/settings/people/{olivia}/deactivate", {}, "otto"),
        Act("shut Otto out", "people.deactivate", "/settings/people/{otto}/deactivate"),
        Act("let Two in again", "people.reactivate", "/settings/people/{two}/reactivate"),
        Act("take Otto's second step away", "people.take_second_step_away", "/settings/people/{otto}/second-step"),
        Act("invite Zoe", "people.invite", "/settings/people/invitations", invite),
        Act("invite somebody of Fresh", "people.invite_for_customer", "/customers/{fresh}/people",
            {"email": "zoe@fresh.example", "name": "Zoe", "role": "customer user"}),
        Act("send the invitation again", "people.resend", "/settings/people/invitations/{theirs}/resend"),
        Act("withdraw the invitation", "people.withdraw", "/settings/people/invitations/{theirs}/withdraw"),
        Act("withdraw the staff invitation", "people.withdraw",
            "/settings/people/invitations/{staff_invitation}/withdraw"),
        Act("accept the invitation", "invitations.accept", "/invitations/{their_token}",
            {"name": "Three", "password": "correct-horse-battery-9", "password_confirm": "correct-horse-battery-9"},
            "nobody"),
        Act("accept the staff invitation", "invitations.accept", "/invitations/{staff_token}",
            {"name": "New", "password": "correct-horse-battery-9", "password_confirm": "correct-horse-battery-9"},
            "nobody"),
        Act("save one's own name", "account.update", "/account", {"name": "Olivia"}),
        *(Act(f"{act.replace('_', ' ')}, among one's own", f"my.people_{act}",
              f"/my/people/{{two_handle}}/{act.replace('_', '-')}", {"name": "Two", "role": "customer user"}, "one")
          for act in ("update_row", "deactivate", "reactivate", "take_second_step_away")),
        *(Act(f"{act} among one's own", f"my.people_{act}", f"/my/people/invitations/{{theirs_handle}}/{act}",
            {}, "one")
          for act in ("resend", "withdraw")),
        Act("invite among one's own", "my.people_invite", "/my/people",
            {"email": "zoe@acme.example", "name": "Zoe", "role": "customer user"}, "one"),
        # the summaries of October
        Act("send October's summaries", "sent_summaries.send", "/summaries", {"ids": "foxtrot"}),
        Act("send Foxtrot's summary", "sent_summaries.send_one", "/customers/{foxtrot}/summaries/2026-10",
            {"number": "1"}),
        Act("send Foxtrot's each month no longer", "sent_summaries.set_monthly",
            "/customers/{foxtrot}/monthly-summary", {"wanted": "no"}),
        Act("get one's own each month", "my.set_monthly_summary", "/my/summary/monthly", {"wanted": "yes"}, "one"),
        # runs and settings
        Act("run", "runs.create", "/runs", {"customer": "", "simulate": "no", "through": TODAY}),
        Act("post the simulation", "runs.post", "/runs/{simulation}/postings", {"fingerprint": "seen"}),
        Act("take up the run", "runs.resume", "/runs/{stopped_run}/resumption"),
        Act("undo the run", "runs.undo", "/runs/{posted_run}/undo", {"reason": "Wrong prices."}),
        Act("undo giving the later ones", "bulk_acts.undo", "/bulk-acts/{given}/undo"),
        Act("wait longer for calls", "settings.update", "/settings",
            {**company, "usage_wait_days": "5", "version": "company.version"}),
        Act("change the logo", "settings.update_logo", "/settings/logo", {"file": _logo}),
        Act("remove the logo", "settings.remove_logo", "/settings/logo/remove"),
        # commands
        Act("the night's run", "charge", command=_charge),
        Act("a month's end for files that wait", "charge", command=_sweep),
        Act("the night's calls", "import calls", command=_take_in("paused")),
        Act("the calls that came in", "import calls", command=_take_in("going"), held_at="bytes_done"),
        Act("undo what came", "import undo", command=_undo_import),
        Act("the DIDs of a file", "import dids", command=_add_dids),
        Act("the customers of a file", "import customers", command=_move_in("customers", CUSTOMERS)),
        Act("the packages of a file", "import packages", command=_move_in("packages", "Name,Retail\nNovel,1\n")),
        Act("the assignments of a file", "import assignments", command=_move_in("assignments",
            "Customer,Package,Start Date,Charge From\nFresh,Spare,2026-10-01,2026-12-01\n")),
        Act("the opening items of a file", "import opening", command=_move_in("opening",
            "Customer,Number,Date,Balance\nFresh,OLD-1,2026-10-01,12\n")),
        Act("the payments of a file", "import payments", command=_move_in("payments",
            "Customer,Date,Amount,Bank Reference\nFresh,2026-11-01,5,OLD-77\n")),
        Act("go on with the customers", "import go-on", command=_go_on_moving_in),
        Act("take the moved back", "import take-back", command=_take_moved_back),
        Act("the morning's notices", "notices", command=_announce),
        Act("October's summaries of a command", "summaries send", command=_send_summaries),
        Act("October's summaries by themselves", "summaries monthly", command=_send_monthly),
        Act("a new password for Ben", "user password",
            command=_to_ben(people.set_password, world.PASSWORD, clock.now())),
        Act("no second step for Ben", "user no-second-step",
            command=_to_ben(people.take_second_step_away, None, clock.now())),
        # before the first charge
        Act("move the time zone", "settings.update", "/settings",
            {**company, "time_zone": "Pacific/Auckland", "version": "company.version"}, scene="blank"),
        Act("charge Fresh first", "charges.create", "/charges", manual, scene="blank"),
        Act("the first run", "charge", scene="blank", command=_charge),
        Act("the first calls", "import calls", scene="blank", command=_take_in("paused"), held_at="bytes_done"),
        Act("a tax rate that always held", "customers.change_tax_rate", "/customers/{acme}/tax-rates",
            {"version": "acme.version", "tax_rate": "7", "tax_rate_from": TODAY}, scene="blank"),
        Act("a price that always held", "packages.update_row", "/packages/{line}/row",
            {"version": "line.version", "name": "Line", "currency": "GBP", "cost": "10", "retail": "99",
             "effective_from": TODAY, "confirmed": "line.impact"}, scene="blank"),
        Act("another start", "assignments.update_row", "/assignments/{due}/row",
            {**edit, "start_date": "2026-11-03"}, scene="blank"),
    ]  # fmt: skip


def _logo() -> tuple[BytesIO, str]:
    return BytesIO(png()), "logo.png"


def _customers_file() -> tuple[BytesIO, str]:
    return BytesIO(CUSTOMERS.encode()), "customers.csv"


def _waiting_customers_file() -> tuple[BytesIO, str]:
    text = "Name,Account Codes,E-mail\nMona,Mona-1,\nFresh,,moving@fresh.example\n"
    return BytesIO(text.encode()), "moving.csv"


def _calls_file() -> tuple[BytesIO, str]:
    from tests.calling import HEAD, a_line

    text = (
        f"{HEAD}\n{a_line('up-1', '2026-11-04 10:00:00', 60, '3', customer='Fresh', did='+442079460101')}\n"
    )
    return BytesIO(text.encode()), "uploaded.csv"


def _paused_file() -> tuple[BytesIO, str]:
    from tests.calling import HEAD

    return BytesIO("\n".join([HEAD, *lines_of("paused", 1, "Acme"), ""]).encode()), "paused.csv"


ACTS = {act.name: act for act in _forms()}
