"""What holds whatever was done at the same moment (billing-rules 2, 7, 8 and 9), asked of the rows themselves."""

from sqlalchemy import text

from portal.extensions import db

# A sentence, and a statement that finds what speaks against it.
RULES = {
    "an archived customer has nothing open": """
        SELECT a.id FROM assignment a JOIN customer c ON c.id = a.customer_id
        JOIN assignment_position p ON p.assignment_id = a.id
        WHERE c.archived_on IS NOT NULL AND (a.end_date IS NULL OR a.end_date >= DATE '2026-11-22'
              OR p.next_charge_on IS NOT NULL)""",
    "nothing of an archived customer's calls is charged": """
        SELECT c.id FROM customer c JOIN balance_entry e ON e.customer_id = c.id AND e.source = 'calls'
        WHERE c.archived_on IS NOT NULL GROUP BY c.id HAVING sum(e.amount) <> 0""",
    "what is assigned on a DID is its customer's": """
        SELECT a.id FROM assignment a JOIN did d ON d.id = a.did_id
        WHERE (a.end_date IS NULL OR a.end_date >= DATE '2026-11-22')
        AND (d.archived_on IS NOT NULL OR d.customer_id IS DISTINCT FROM a.customer_id)""",
    "every assignment has prices in its customer's currency": """
        SELECT a.id FROM assignment a JOIN customer c ON c.id = a.customer_id WHERE NOT EXISTS (
        SELECT 1 FROM package_price p WHERE p.package_id = a.package_id AND p.currency = c.currency)""",
    "every assignment stands somewhere": """
        SELECT a.id FROM assignment a LEFT JOIN assignment_position p ON p.assignment_id = a.id
        WHERE p.assignment_id IS NULL""",
    "nobody has the same package twice over the same days unasked": """
        SELECT a.id FROM assignment a JOIN assignment b ON b.package_id = a.package_id AND b.customer_id = a.customer_id
        AND b.did_id IS NOT DISTINCT FROM a.did_id AND b.id > a.id
        JOIN package p ON p.id = a.package_id AND p.name <> 'Bundle'
        WHERE (a.end_date IS NULL OR a.end_date >= b.start_date)
        AND NOT EXISTS (SELECT 1 FROM move_made m WHERE m.noun = 'assignment' AND m.thing_id IN (a.id, b.id))""",
    "no more of a payment is allocated, split off and paid back than it is": """
        SELECT p.id FROM payment p WHERE p.amount <
          (SELECT coalesce(sum(a.amount), 0) FROM allocation a WHERE a.payment_id = p.id AND a.released_on IS NULL)
        + (SELECT coalesce(sum(s.amount), 0) FROM payment s WHERE s.split_from_id = p.id)
        + (SELECT coalesce(sum(r.amount), 0) FROM returned_payment r JOIN payment_back b ON b.id = r.payment_back_id
           WHERE r.payment_id = p.id AND b.cancelled_on IS NULL)""",
    "only a completed payment is allocated": """
        SELECT p.id FROM payment p JOIN allocation a ON a.payment_id = p.id AND a.released_on IS NULL
        WHERE p.state <> 'completed'""",
    "a payment back is out of the balance until it is cancelled, once": """
        SELECT b.id FROM payment_back b LEFT JOIN balance_entry e ON e.payment_back_id = b.id GROUP BY b.id
        HAVING coalesce(sum(e.amount), 0) <> CASE WHEN b.cancelled_on IS NULL THEN -b.amount ELSE 0 END""",
    "no more comes off a charge than it comes to": """
        SELECT c.id FROM charge c JOIN allocation a ON a.charge_id = c.id AND a.released_on IS NULL
        GROUP BY c.id HAVING sum(a.amount) > c.amount + c.tax""",
    "no more of a discount is used than there is": """
        SELECT c.id FROM charge c JOIN allocation a ON a.by_charge_id = c.id AND a.released_on IS NULL
        GROUP BY c.id HAVING sum(a.amount) > -(c.amount + c.tax)""",
    "what is left of a charge is what has not come off it": """
        SELECT c.id FROM charge c LEFT JOIN open_item o ON o.charge_id = c.id
        WHERE NOT c.auto_decrement_credit AND c.writes_off_id IS NULL AND c.amount + c.tax > 0
        AND coalesce(o.amount, 0) <> c.amount + c.tax - (SELECT coalesce(sum(a.amount), 0) FROM allocation a
                                                         WHERE a.charge_id = c.id AND a.released_on IS NULL)""",
    "what is open says whether money or a discount has come off it": """
        SELECT o.charge_id FROM open_item o WHERE o.is_part_paid <> (o.amount > 0 AND EXISTS (
          SELECT 1 FROM allocation a WHERE a.charge_id = o.charge_id AND a.released_on IS NULL
          AND a.source IN ('payment', 'balance', 'discount')))""",
    "a payment is in the balance while it is completed, once": """
        SELECT p.id FROM payment p LEFT JOIN balance_entry e ON e.payment_id = p.id AND e.source IN ('payment', 'split')
        GROUP BY p.id HAVING coalesce(sum(e.amount), 0) <> CASE WHEN p.state = 'completed' THEN p.amount
          - (SELECT coalesce(sum(s.amount), 0) FROM payment s WHERE s.split_from_id = p.id) ELSE 0 END""",
    "what is allocated has left the balance": """
        SELECT p.id FROM payment p
        WHERE (SELECT coalesce(sum(e.amount), 0) FROM balance_entry e
               WHERE e.payment_id = p.id AND e.source IN ('allocation', 'release'))
           <> -(SELECT coalesce(sum(a.amount), 0) FROM allocation a
                WHERE a.payment_id = p.id AND a.released_on IS NULL)""",
    "what a day's calls cost is in the balance, once their import is done": """
        SELECT k.customer_id, k.day FROM call k JOIN customer c ON c.id = k.customer_id AND c.currency = 'GBP'
        WHERE NOT EXISTS (SELECT 1 FROM call o JOIN call_import i ON i.id = o.import_id
                          AND i.state NOT IN ('done', 'undone') WHERE o.customer_id = k.customer_id AND o.day = k.day)
        GROUP BY k.customer_id, k.day HAVING round(sum(k.amount - k.covered_amount) / 10000) * 10000 <>
        -(SELECT coalesce(sum(e.amount - e.tax), 0) FROM balance_entry e
          WHERE e.source = 'calls' AND e.customer_id = k.customer_id AND e.for_day = k.day)""",
    "there is an owner": """
        SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM "user" u JOIN roles_users r ON r.user_id = u.id
        JOIN role o ON o.id = r.role_id WHERE o.name = 'owner' AND u.active)""",
    "a person holds one invitation": """
        SELECT email FROM invitation WHERE withdrawn_at IS NULL AND accepted_at IS NULL
        GROUP BY email, customer_id HAVING count(*) > 1""",
    "an import that is done stays so": """
        SELECT id FROM call_import WHERE state IN ('running', 'stopped') AND finished_at IS NOT NULL""",
    "the first charge or call fixes the time zone": """
        SELECT 1 FROM call c, company o WHERE c.day <> (c.started_at AT TIME ZONE o.time_zone)::date""",
}  # fmt: skip


def broken() -> list[str]:
    """The rules that do not hold, each with what speaks against it."""
    found = []
    for rule, against in RULES.items():
        if rows := db.session.execute(text(against)).all():
            found.append(f"not so: {rule} ({rows[:3]})")
    return found
