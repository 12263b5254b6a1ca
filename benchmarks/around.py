"""What a portal has beside its portfolio, in life: notes, contacts, people, bank statements, files moved in, mails.

Written straight into the tables, so many as its customers and assignments would have brought. Only what pages look at
is true of them: a line of a bank statement that is booked is the payment that it names.
"""

from sqlalchemy import text

from benchmarks import large
from portal.extensions import db

LINES_OF_A_STATEMENT = 500
DAY, NOW = f"'{large.TODAY.isoformat()}'", f"'{large.NOW:%Y-%m-%d %H:%M:%S}'"
# For every one of them: a note of which one of ten waits, a contact, a person, a summary that was sent, and the acts
# that made it.
OF_CUSTOMERS = f"""
INSERT INTO note (token, customer_id, text, search_key, come_back_on, done_by, created_by, created_at, version)
SELECT 'n' || id, id, 'Called about the invoice of line ' || id, 'called about the invoice of line ' || id,
CASE WHEN id % 10 = 0 THEN date({DAY}) END, '', 'bench', {NOW}, 1 FROM customer;

INSERT INTO contact (customer_id, name, role, email, phone, search_key)
SELECT id, 'Nora ' || id, 'Accounts', '', '+4411349' || (60000 + id % 10000),
'nora ' || id || ' +4411349' || (60000 + id % 10000) FROM customer;

INSERT INTO "user" (email, name, customer_id, password, active, fs_uniquifier, create_datetime, update_datetime)
SELECT 'nora' || id || '@bench.example', 'Nora ' || id, id, 'x', true, 'bench' || id, {NOW}, {NOW} FROM customer;

INSERT INTO mail (key, "to", subject, text, html, secret, state, tries, sentence, created_at, due_at, sent_at)
SELECT 'summary-' || id, 'nora' || id || '@bench.example', 'Charge summary October 2026', 'Enclosed.', '', false,
CASE WHEN id % 1000 = 0 THEN 'failed' ELSE 'sent' END, 1, '', {NOW}, {NOW}, {NOW} FROM customer;

INSERT INTO sent_summary (customer_id, month, number, state, asked_by, asked_at, written_on, "to", currency, charged,
to_pay_then, to_pay, sentence, mail_id)
SELECT customer.id, '2026-10-01', 1, 'written', '', {NOW}, '2026-11-01', mail."to", currency, 1000000, 0, 0, '',
mail.id FROM customer JOIN mail ON mail.key = 'summary-' || customer.id;

INSERT INTO audit_entry (done_at, done_by, role, address, act, noun, noun_id, customer_id, label, before, after,
comment, overrides, search_key)
SELECT created_at, 'bench', 'owner', '', 'customer created', 'customer', id, id, name, '', '{{"name": "x"}}', '', false,
'bench customer created ' || name_key FROM customer;

INSERT INTO audit_entry (done_at, done_by, role, address, act, noun, noun_id, customer_id, label, before, after,
comment, overrides, search_key)
SELECT created_at, 'bench', 'billing', '', 'assignment created', 'assignment', id, customer_id, 'Phone', '',
'{{"quantity": 1}}', '', false, 'bench assignment created phone' FROM assignment;
"""
# Every payment came by a line of a statement; one more in twenty is open, and one in fifty came back.
OF_PAYMENTS = f"""
UPDATE payment SET bank_reference = 'INV ' || id, reference_key = method || ' inv' || id;

INSERT INTO payment_back (token, customer_id, paid_on, amount, method, bank_reference, reference_key, created_by,
created_at, version)
SELECT 'b' || id, customer_id, paid_on, amount, method, 'RET ' || id, 'ret' || id, '', created_at, 1
FROM payment WHERE id % 50 = 0;

INSERT INTO bank_file (name, digest, account, kept_by, kept_at)
SELECT 'statement.xml', 'f' || id, 'GB33BUKB20201555555555', 'bench', {NOW} FROM payment
WHERE id % {LINES_OF_A_STATEMENT} = 1;

INSERT INTO bank_statement (file_id, digest, account, currency, number, begins, through, line_count, known_count,
passed_over_count, total, booking_by)
SELECT id, 's' || id, account, 'GBP', '' || id, '2026-11-01', {DAY}, {LINES_OF_A_STATEMENT}, 0, 0, 0, ''
FROM bank_file;

INSERT INTO bank_line (key, account, currency, booked_on, amount, kind, name, payer_account, email, payer_key, text,
bank_reference, other_references, numbers, method, fee, state, note, decided_by, version)
SELECT 'l' || payment.id, 'GB33BUKB20201555555555', customer.currency, paid_on, amount, 'in', customer.name,
'GB' || customer.id, '', 'iban gb' || customer.id, 'Invoice of ' || customer.name, 'INV ' || payment.id, '', '',
'bank_transfer', 0, CASE WHEN payment.id % 20 = 0 THEN 'open' ELSE 'booked' END, '', 'bench', 1
FROM payment JOIN customer ON customer.id = payment.customer_id ORDER BY payment.id;

INSERT INTO bank_statement_line (statement_id, place, line_id)
SELECT (id - 1) / {LINES_OF_A_STATEMENT} + 1, (id - 1) % {LINES_OF_A_STATEMENT} + 1, id FROM bank_line;

INSERT INTO bank_booking (line_id, booked_as, payment_id)
SELECT bank_line.id, 'payment', payment.id FROM bank_line JOIN payment ON bank_line.key = 'l' || payment.id
WHERE bank_line.state = 'booked';
"""
# All customers and assignments were moved in from two files, of which one line in a hundred was bad.
MOVED_IN = "\n".join(
    f"""
INSERT INTO move_import (kind, file_name, sheet, digest, head, layout, has_names, sentence, of_all, state,
takes_changes, lines_total, items_total, items_done, made_count, changed_count, same_count, left_count, bad_count,
started_by, started_at, heartbeat_at, finished_at, undone_by, undo_reason)
SELECT '{noun}s', '{noun}s.csv', '', '{noun}', '["Name"]', '{{}}', true, '', '{{}}', 'done', false, count(*), count(*),
count(*), count(*), 0, 0, 0, count(*) / 100, 'bench', {NOW}, {NOW}, {NOW}, '', '' FROM {noun};

INSERT INTO move_made (import_id, place, noun, thing_id, label, is_change, before, after, "left")
SELECT move_import.id, {noun}.id, '{noun}', {noun}.id, 'Made', false, '', '', ''
FROM {noun} JOIN move_import ON move_import.kind = '{noun}s';

INSERT INTO move_line (import_id, place, cells, sentence)
SELECT move_import.id, {noun}.id, '["Name"]', 'This line names no customer.'
FROM {noun} JOIN move_import ON move_import.kind = '{noun}s' WHERE {noun}.id % 100 = 0;
"""
    for noun in ("customer", "assignment")
)
# One correction of as many assignments as somebody may choose.
CORRECTED = f"""
INSERT INTO correction (token, package_id, currency, since, "right", sentence, before, call_tax, made_on, made_by,
made_at)
SELECT 'c', min(id), 'GBP', '2026-11-01', 'Retail 5.00', 'The price was wrong.', '{{}}', 0, {DAY}, 'bench', {NOW}
FROM package;

INSERT INTO corrected_assignment (correction_id, assignment_id, before)
SELECT correction.id, assignment.id, '{{"prices": [], "quantities": []}}' FROM correction, assignment
WHERE assignment.id % 200 = 0 AND assignment.id <= 200000;
"""


def fill_up() -> None:
    """Write all of it."""
    for part in (OF_CUSTOMERS, OF_PAYMENTS, MOVED_IN, CORRECTED):
        for statement in filter(str.strip, part.split(";\n")):
            db.session.execute(text(statement.replace(":", "\\:").rstrip().rstrip(";")))
    db.session.commit()
