"""everything the portal keeps"""

import sqlalchemy as sa
from alembic import op
from append_only import allow_edits, refuse_edits
from charge_keys import drop_keys_of_few, keep_keys_of_few, keys_of_a_charge
from parts import drop_parts, keep_parts
from task_queue import drop_queue, make_queue

# What nearly all charges are is asked first.
A_KIND = (
    "kind = 'recurring' or kind in ('setup', 'one_off', 'minimum_spend', 'credit', 'difference', 'recurring', "
    "'manual', 'opening_item', 'reversal', 'write_off', 'write_off_lapsed', 'undo')"
)
PK = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# What names are compared and sorted by: letter by letter, not as the database's own language would.
KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def code(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


# Charges, balance entries, due days and the audit log are written once: the database itself refuses anything else.
APPEND_ONLY = ("charge", "balance_entry", "due_day", "audit_entry")
KINDS_OF_FILES = (
    "calls",
    "dids",
    "statements",
    "customers",
    "packages",
    "assignments",
    "opening",
    "payments",
)
# There is exactly one company. Its row is edited, never added.
COMPANY = {
    "id": 1,
    "name": "Your company",
    "email": "",
    "time_zone": "UTC",
    "default_currency": "USD",
    "usage_wait_days": 1,
    "summary_footer": "",
    "version": 1,
}

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("id", PK, nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_by", sa.String(length=254), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("address", sa.String(length=60), nullable=False),
        sa.Column("act", sa.String(length=40), nullable=False),
        sa.Column("noun", sa.String(length=40), nullable=False),
        sa.Column("noun_id", PK, nullable=True),
        sa.Column("customer_id", PK, nullable=True),
        sa.Column("label", sa.String(length=250), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("overrides", sa.Boolean(), nullable=False),
        sa.Column("search_key", KEY, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_entry"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_audit_entry_customer_id_done_at", "audit_entry", ["customer_id", "done_at", "id"], unique=False
    )
    op.create_index("ix_audit_entry_done_at_id", "audit_entry", ["done_at", "id"], unique=False)
    op.create_index(
        "ix_audit_entry_noun_noun_id", "audit_entry", ["noun", "noun_id", "done_at", "id"], unique=False
    )

    op.create_table(
        "call_file",
        sa.Column("id", PK, nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_call_file"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "call_file_piece",
        sa.Column("file_id", PK, autoincrement=False, nullable=False),
        sa.Column("begins", PK, autoincrement=False, nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_id"], ["call_file.id"], name="fk_call_file_piece_file_id_call_file", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("file_id", "begins", name="pk_call_file_piece"),
    )
    op.create_table(
        "call_import",
        sa.Column("id", PK, nullable=False),
        sa.Column("file_name", sa.String(length=250), nullable=False),
        sa.Column("file_id", PK, nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("replaces", sa.Boolean(), nullable=False),
        sa.Column("layout", sa.Text(), nullable=False),
        sa.Column("proof", sa.Text(), server_default="", nullable=False),
        sa.Column("head", sa.Text(), server_default="[]", nullable=False),
        sa.Column("delimiter", sa.String(length=1), server_default=",", nullable=False),
        sa.Column("lines_before", sa.Integer(), server_default="1", nullable=False),
        sa.Column("footer", PK, server_default="0", nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "running",
                "stopped",
                "done",
                "discarded",
                "undoing",
                "undone",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("lines_total", PK, server_default="0", nullable=False),
        sa.Column("bytes_total", PK, nullable=False),
        sa.Column("bytes_done", PK, nullable=False),
        sa.Column("lines_done", PK, nullable=False),
        sa.Column("taken_count", sa.Integer(), nullable=False),
        sa.Column("known_count", sa.Integer(), nullable=False),
        sa.Column("replaced_count", sa.Integer(), nullable=False),
        sa.Column("bad_count", sa.Integer(), nullable=False),
        sa.Column("late_count", sa.Integer(), nullable=False),
        sa.Column("unanswered_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("passed_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("alike_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("started_by", sa.String(length=254), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paused_seconds", sa.Integer(), server_default="0", nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("bad_rows_dealt_with_by", sa.String(length=254), server_default="", nullable=False),
        sa.Column("discarded_by", sa.String(length=254), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["file_id"], ["call_file.id"], name="fk_call_import_file_id_call_file", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_call_import"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_call_import_digest", "call_import", ["digest"], unique=False)
    op.create_table(
        "file_layout",
        sa.Column("id", PK, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(*KINDS_OF_FILES, name="kind", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("layout", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_file_layout"),
        sa.UniqueConstraint("kind", "digest", name="uq_file_layout_kind_digest"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "move_import",
        sa.Column("id", PK, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(*KINDS_OF_FILES, name="kind", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("file_name", sa.String(length=250), nullable=False),
        sa.Column("sheet", sa.String(length=120), server_default="", nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("head", sa.Text(), nullable=False),
        sa.Column("layout", sa.Text(), nullable=False),
        sa.Column("has_names", sa.Boolean(), nullable=False),
        sa.Column("sentence", sa.Text(), server_default="", nullable=False),
        sa.Column("of_all", sa.Text(), server_default="{}", nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "running",
                "stopped",
                "done",
                "discarded",
                "undoing",
                "undone",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("takes_changes", sa.Boolean(), nullable=False),
        *(
            sa.Column(name, PK, nullable=False)
            for name in (
                "lines_total",
                "items_total",
                "items_done",
                "made_count",
                "changed_count",
                "same_count",
                "left_count",
                "bad_count",
            )
        ),
        sa.Column("started_by", sa.String(length=254), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.String(length=254), server_default="", nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undo_reason", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_move_import"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_move_import_kind_digest", "move_import", ["kind", "digest"], unique=False)
    op.create_table(
        "move_line",
        sa.Column("import_id", PK, autoincrement=False, nullable=False),
        sa.Column("place", PK, autoincrement=False, nullable=False),
        sa.Column("cells", sa.Text(), nullable=False),
        sa.Column("sentence", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["import_id"], ["move_import.id"], name="fk_move_line_import_id_move_import", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("import_id", "place", name="pk_move_line"),
    )
    op.create_table(
        "move_made",
        sa.Column("id", PK, nullable=False),
        sa.Column("import_id", PK, nullable=False),
        sa.Column("place", PK, nullable=False),
        sa.Column("noun", sa.String(length=20), nullable=False),
        sa.Column("thing_id", PK, nullable=False),
        sa.Column("label", sa.String(length=250), nullable=False),
        sa.Column("is_change", sa.Boolean(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("monthly", sa.BigInteger(), nullable=True),
        sa.Column("taken_back_on", sa.Date(), nullable=True),
        sa.Column("left", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["import_id"], ["move_import.id"], name="fk_move_made_import_id_move_import", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_move_made"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_move_made_import_id_id", "move_made", ["import_id", "id"], unique=False)
    op.create_index("ix_move_made_noun_thing_id", "move_made", ["noun", "thing_id"], unique=False)
    op.create_table(
        "allocation_mark",
        sa.Column("id", PK, autoincrement=False, nullable=False),
        sa.Column("through_id", PK, nullable=False),
        sa.Column("next_id", PK, nullable=False),
        sa.Column("next_transaction", PK, nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_allocation_mark_only_one")),
        sa.PrimaryKeyConstraint("id", name="pk_allocation_mark"),
    )
    op.create_table(
        "allocation_sum",
        sa.Column("id", PK, nullable=False),
        sa.Column("customer_id", PK, nullable=False),
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.Column("counts_on", sa.Date(), nullable=False),
        sa.Column(
            "source",
            sa.Enum(
                "payment",
                "balance",
                "discount",
                "credit",
                "write_off",
                name="source",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("payment_id", PK, nullable=True),
        sa.Column("by_charge_id", PK, nullable=True),
        sa.Column("label", sa.String(length=120), nullable=False),
        sa.Column("is_item", sa.Boolean(), nullable=False),
        sa.Column("is_undo", sa.Boolean(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("first_id", PK, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_allocation_sum"),
    )
    op.create_index(
        "ix_allocation_sum_customer_id_counts_on",
        "allocation_sum",
        ["customer_id", "counts_on"],
        unique=False,
    )
    op.create_table(
        "balance_mark",
        sa.Column("id", PK, autoincrement=False, nullable=False),
        sa.Column("through_id", PK, nullable=False),
        sa.Column("next_id", PK, nullable=False),
        sa.Column("next_transaction", PK, nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_balance_mark_only_one")),
        sa.PrimaryKeyConstraint("id", name="pk_balance_mark"),
    )
    op.create_table(
        "balance_sum",
        sa.Column("id", PK, nullable=False),
        sa.Column("customer_id", PK, nullable=False),
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_balance_sum"),
    )
    op.create_index(
        "ix_balance_sum_customer_id_made_on_amount",
        "balance_sum",
        ["customer_id", "made_on", "amount"],
        unique=False,
    )
    op.create_table(
        "charge_mark",
        sa.Column("id", PK, autoincrement=False, nullable=False),
        sa.Column("through_id", PK, nullable=False),
        sa.Column("next_id", PK, nullable=False),
        sa.Column("next_transaction", PK, nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_charge_mark_only_one")),
        sa.PrimaryKeyConstraint("id", name="pk_charge_mark"),
    )
    op.create_table(
        "charge_sum",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("package_id", PK, autoincrement=False, nullable=False),
        sa.Column("is_once", sa.Boolean(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.Column("charges", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("month", "currency", "package_id", "is_once", name="pk_charge_sum"),
    )
    op.create_table(
        "customer_sum",
        sa.Column("id", PK, nullable=False),
        sa.Column("customer_id", PK, nullable=False),
        sa.Column("charge_on", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("package_id", PK, nullable=False),
        sa.Column("tax_rate", sa.BigInteger(), nullable=False),
        sa.Column(
            "part",
            sa.Enum(
                *("item", "returned", "discount", "balance", "written_off", "other"),
                *("undone", "undone_discount", "undone_credit", "undone_balance"),
                name="part",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("is_outside", sa.Boolean(), nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False),
        sa.Column("charges", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_customer_sum"),
    )
    op.create_index(
        "ix_customer_sum_customer_id_charge_on", "customer_sum", ["customer_id", "charge_on"], unique=False
    )
    op.create_table(
        "due_sum",
        sa.Column("id", PK, nullable=False),
        sa.Column("customer_id", PK, nullable=False),
        sa.Column("counts_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_due_sum"),
    )
    op.create_index("ix_due_sum_customer_id_counts_on", "due_sum", ["customer_id", "counts_on"], unique=False)
    op.create_table(
        "company",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("legal_name", sa.String(length=250), server_default="", nullable=False),
        sa.Column("street", sa.Text(), server_default="", nullable=False),
        sa.Column("street_2", sa.String(length=250), server_default="", nullable=False),
        sa.Column("city", sa.String(length=120), server_default="", nullable=False),
        sa.Column("postcode", sa.String(length=20), server_default="", nullable=False),
        sa.Column("state", sa.String(length=120), server_default="", nullable=False),
        sa.Column("country", sa.String(length=2), server_default="", nullable=False),
        sa.Column("vat_id", sa.String(length=40), server_default="", nullable=False),
        sa.Column("registration_number", sa.String(length=80), server_default="", nullable=False),
        sa.Column("phone", sa.String(length=16), server_default="", nullable=False),
        sa.Column("time_zone", sa.String(length=60), nullable=False),
        sa.Column("default_currency", sa.String(length=3), nullable=False),
        sa.Column("default_tax_rate", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("usage_wait_days", sa.Integer(), nullable=False),
        sa.Column("notification_days", sa.Integer(), server_default="0", nullable=False),
        sa.Column("late_call_days", sa.Integer(), server_default="90", nullable=False),
        sa.Column("payment_days", sa.Integer(), server_default="14", nullable=False),
        sa.Column("account_name", sa.String(length=70), server_default="", nullable=False),
        sa.Column("iban", sa.String(length=34), server_default="", nullable=False),
        sa.Column("bic", sa.String(length=11), server_default="", nullable=False),
        sa.Column("bank_details", sa.Text(), server_default="", nullable=False),
        sa.Column("summary_footer", sa.Text(), nullable=False),
        sa.Column("logo", sa.LargeBinary(), nullable=True),
        sa.Column(
            "audit_comment",
            sa.Enum(
                "off", "optional", name="audit_comment", native_enum=False, create_constraint=True, length=20
            ),
            server_default="off",
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_company_only_one")),
        sa.CheckConstraint("late_call_days between 0 and 366", name=op.f("ck_company_late_call_days")),
        sa.CheckConstraint("notification_days between 0 and 90", name=op.f("ck_company_notification_days")),
        sa.CheckConstraint("payment_days between 0 and 366", name=op.f("ck_company_payment_days")),
        sa.CheckConstraint("usage_wait_days between 0 and 30", name=op.f("ck_company_usage_wait_days")),
        sa.PrimaryKeyConstraint("id", name="pk_company"),
    )
    op.create_table(
        "connexcs_package",
        sa.Column("id", PK, nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("name_key", KEY, nullable=False),
        sa.Column("search_key", KEY, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_connexcs_package"),
        sa.UniqueConstraint("name_key", name="uq_connexcs_package_name_key"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "customer",
        sa.Column("id", PK, nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("name_key", KEY, nullable=False),
        sa.Column("search_key", KEY, nullable=False),
        sa.Column("details_key", KEY, nullable=False),
        sa.Column("company_details", sa.String(length=250), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("legal_name", sa.String(length=250), server_default="", nullable=False),
        sa.Column("street", sa.Text(), server_default="", nullable=False),
        sa.Column("street_2", sa.String(length=250), server_default="", nullable=False),
        sa.Column("city", sa.String(length=120), server_default="", nullable=False),
        sa.Column("postcode", sa.String(length=20), server_default="", nullable=False),
        sa.Column("state", sa.String(length=120), server_default="", nullable=False),
        sa.Column("country", sa.String(length=2), server_default="", nullable=False),
        sa.Column("vat_id", sa.String(length=40), server_default="", nullable=False),
        sa.Column("registration_number", sa.String(length=80), server_default="", nullable=False),
        sa.Column("phone", sa.String(length=16), server_default="", nullable=False),
        sa.Column("iban", sa.String(length=34), server_default="", nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("debit_limit", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("payment_days", sa.Integer(), nullable=True),
        sa.Column("monthly_summary_since", sa.Date(), nullable=True),
        sa.Column("archived_on", sa.Date(), nullable=True),
        sa.Column("created_on", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("payment_days between 0 and 366", name=op.f("ck_customer_payment_days")),
        sa.PrimaryKeyConstraint("id", name="pk_customer"),
        sa.UniqueConstraint("token", name="uq_customer_token"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_customer_archived",
        "customer",
        ["id"],
        unique=False,
        sqlite_where=sa.text("archived_on is not null"),
        postgresql_where=sa.text("archived_on is not null"),
    )
    op.create_index("ix_customer_created_on_id", "customer", ["created_on", "id"], unique=False)
    op.create_index(
        "ix_customer_currency_search_key_id", "customer", ["currency", "search_key", "id"], unique=False
    )
    op.create_index(
        "ix_customer_iban",
        "customer",
        ["iban"],
        unique=False,
        sqlite_where=sa.text("iban <> ''"),
        postgresql_where=sa.text("iban <> ''"),
    )
    op.create_index(
        "ix_customer_legal_name",
        "customer",
        [sa.text("lower(legal_name)")],
        unique=False,
        sqlite_where=sa.text("legal_name <> ''"),
        postgresql_where=sa.text("legal_name <> ''"),
    )
    op.create_index("ix_customer_name_key", "customer", ["name_key"], unique=False)
    op.create_index("ix_customer_search_key_id", "customer", ["search_key", "id"], unique=False)

    op.create_table(
        "mail",
        sa.Column("id", PK, nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("to", sa.String(length=254), nullable=False),
        sa.Column("subject", sa.String(length=250), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("secret", sa.Boolean(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "waiting",
                "sent",
                "failed",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_mail"),
        sa.UniqueConstraint("key", name="uq_mail_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_mail_state_due_at", "mail", ["state", "due_at"], unique=False)

    op.create_table(
        "mail_attachment",
        sa.Column("mail_id", PK, autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["mail_id"], ["mail.id"], name="fk_mail_attachment_mail_id_mail", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("mail_id", name="pk_mail_attachment"),
    )
    op.create_table(
        "sent_summary",
        sa.Column("id", PK, nullable=False),
        sa.Column("customer_id", PK, nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "waiting",
                "written",
                "refused",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("asked_by", sa.String(length=254), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("written_on", sa.Date(), nullable=True),
        sa.Column("to", sa.String(length=254), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("charged", sa.BigInteger(), nullable=True),
        sa.Column("to_pay_then", sa.BigInteger(), nullable=True),
        sa.Column("to_pay", sa.BigInteger(), nullable=True),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("mail_id", PK, nullable=True),
        sa.CheckConstraint("number > 0", name=op.f("ck_sent_summary_number")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name="fk_sent_summary_customer_id_customer"
        ),
        sa.ForeignKeyConstraint(["mail_id"], ["mail.id"], name="fk_sent_summary_mail_id_mail"),
        sa.PrimaryKeyConstraint("id", name="pk_sent_summary"),
        sa.UniqueConstraint(
            "customer_id", "month", "number", name="uq_sent_summary_customer_id_month_number"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_sent_summary_mail_id", "sent_summary", ["mail_id"], unique=False)
    op.create_index(
        "ix_sent_summary_waits",
        "sent_summary",
        ["id"],
        unique=False,
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index(
        "ix_sent_summary_refused",
        "sent_summary",
        ["month"],
        unique=False,
        sqlite_where=sa.text("state = 'refused'"),
        postgresql_where=sa.text("state = 'refused'"),
    )

    op.create_table(
        "role",
        sa.Column("id", PK, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=True),
        sa.Column("permissions", sa.UnicodeText(), nullable=True),
        sa.Column("update_datetime", sa.DateTime(), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_role"),
        sa.UniqueConstraint("name", name="uq_role_name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "bulk_act",
        sa.Column("id", PK, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "assigned",
                "ended",
                "archived",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("last_charge_id", PK, nullable=True),
        sa.Column("done_on", sa.Date(), nullable=False),
        sa.Column("done_by", sa.String(length=254), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_on", sa.Date(), nullable=True),
        sa.Column("undone_by", sa.String(length=254), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_bulk_act"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "bulk_act_thing",
        sa.Column("act_id", PK, autoincrement=False, nullable=False),
        sa.Column("thing_id", PK, autoincrement=False, nullable=False),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("last_day_before", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["act_id"], ["bulk_act.id"], name="fk_bulk_act_thing_act_id_bulk_act", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("act_id", "thing_id", name="pk_bulk_act_thing"),
    )
    op.create_table(
        "sent_form",
        sa.Column("form", sa.String(length=40), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("leads_to", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("form", "token", name="pk_sent_form"),
    )

    op.create_table(
        "sign_in_attempt",
        sa.Column("id", PK, nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sign_in_attempt"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_sign_in_attempt_at", "sign_in_attempt", ["at"], unique=False)
    op.create_index("ix_sign_in_attempt_subject_at", "sign_in_attempt", ["subject", "at"], unique=False)

    op.create_table(
        "call_reject",
        sa.Column("id", PK, nullable=False),
        sa.Column("import_id", PK, nullable=False),
        sa.Column("line", PK, nullable=False),
        sa.Column("row", sa.Text(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("is_bad", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.ForeignKeyConstraint(
            ["import_id"], ["call_import.id"], name="fk_call_reject_import_id_call_import", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_call_reject"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_call_reject_import_id_line", "call_reject", ["import_id", "line"], unique=False)

    op.create_table(
        "account_code",
        sa.Column("id", PK, nullable=False),
        sa.Column("customer_id", PK, nullable=False),
        sa.Column("code", sa.String(length=80), nullable=False),
        sa.Column("key", KEY, nullable=False),
        sa.Column("search_key", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customer.id"],
            name="fk_account_code_customer_id_customer",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_account_code"),
        sa.UniqueConstraint("key", name="uq_account_code_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_account_code_customer_id", "account_code", ["customer_id"], unique=False)

    op.create_table(
        "contact",
        sa.Column("id", PK, nullable=False),
        sa.Column("customer_id", PK, nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("role", sa.String(length=120), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("phone", sa.String(length=16), nullable=False),
        sa.Column("search_key", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name="fk_contact_customer_id_customer", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_contact"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_contact_customer_id", "contact", ["customer_id"], unique=False)
    op.create_index("ix_contact_search_key_id", "contact", ["search_key", "id"], unique=False)

    op.create_table(
        "note",
        sa.Column("id", PK, nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("customer_id", PK, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("search_key", KEY, nullable=False),
        sa.Column("come_back_on", sa.Date(), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_by", sa.String(length=254), nullable=False),
        sa.Column("created_by", sa.String(length=254), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("done_at is null or come_back_on is not null", name=op.f("ck_note_done")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name="fk_note_customer_id_customer", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_note"),
        sa.UniqueConstraint("token", name="uq_note_token"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_note_customer_id_id", "note", ["customer_id", "id"], unique=False)
    op.create_index(
        "ix_note_waits",
        "note",
        ["come_back_on", "id", "created_by"],
        unique=False,
        sqlite_where=sa.text("come_back_on is not null and done_at is null"),
        postgresql_where=sa.text("come_back_on is not null and done_at is null"),
    )

    op.create_table(
        "customer_tax_rate",
        sa.Column("id", PK, nullable=False),
        sa.Column("customer_id", PK, nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("rate", sa.BigInteger(), nullable=False),
        sa.Column(
            "category",
            sa.Enum(
                "standard",
                "zero",
                "exempt",
                "reverse_charge",
                "export",
                "intra_community",
                "outside_scope",
                name="category",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.String(length=250), server_default="", nullable=False),
        sa.CheckConstraint("rate between 0 and 100000000", name=op.f("ck_customer_tax_rate_rate")),
        sa.CheckConstraint(
            "(category = 'standard') = (rate > 0)", name=op.f("ck_customer_tax_rate_rate_of_category")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customer.id"],
            name="fk_customer_tax_rate_customer_id_customer",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_customer_tax_rate"),
        sa.UniqueConstraint(
            "customer_id", "effective_from", name="uq_customer_tax_rate_customer_id_effective_from"
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "did",
        sa.Column("id", PK, nullable=False),
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column("country", sa.String(length=3), nullable=False),
        sa.Column("customer_id", PK, nullable=True),
        sa.Column("archived_on", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name="fk_did_customer_id_customer"),
        sa.PrimaryKeyConstraint("id", name="pk_did"),
        sa.UniqueConstraint("number", name="uq_did_number"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_did_archived",
        "did",
        ["number"],
        unique=False,
        sqlite_where=sa.text("archived_on is not null"),
        postgresql_where=sa.text("archived_on is not null"),
    )
    op.create_index("ix_did_country_number", "did", ["country", "number"], unique=False)
    op.create_index("ix_did_customer_id_number", "did", ["customer_id", "number"], unique=False)
    op.create_index("ix_did_list", "did", ["number", "archived_on", "customer_id", "country"], unique=False)

    op.create_table(
        "did_owner",
        sa.Column("did_id", PK, autoincrement=False, nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("customer_id", PK, nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name="fk_did_owner_customer_id_customer"),
        sa.ForeignKeyConstraint(["did_id"], ["did.id"], name="fk_did_owner_did_id_did", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("did_id", "effective_from", name="pk_did_owner"),
    )
    op.create_index("ix_did_owner_effective_from", "did_owner", ["effective_from"], unique=False)

    op.create_table(
        "invitation",
        sa.Column("id", PK, nullable=False),
        sa.Column("token_digest", sa.String(length=64), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("customer_id", PK, nullable=True),
        sa.Column("invited_by", sa.String(length=254), nullable=False),
        sa.Column("invited_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name="fk_invitation_customer_id_customer"),
        sa.PrimaryKeyConstraint("id", name="pk_invitation"),
        sa.UniqueConstraint("token_digest", name="uq_invitation_token_digest"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_invitation_customer_id", "invitation", ["customer_id"], unique=False)
    op.create_index("ix_invitation_email", "invitation", ["email"], unique=False)

    op.create_table(
        "package",
        sa.Column("id", PK, nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("name_key", KEY, nullable=False),
        sa.Column("search_key", KEY, nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column(
            "type",
            sa.Enum(
                "standard", "free_minutes", name="type", native_enum=False, create_constraint=True, length=20
            ),
            nullable=False,
        ),
        sa.Column("destination", sa.String(length=500), nullable=False),
        sa.Column("minimum_spend", sa.Boolean(), nullable=False),
        sa.Column("minimum_days", sa.Integer(), nullable=False),
        sa.Column(
            "proration",
            sa.Enum("none", "daily", name="proration", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("connexcs_package_id", PK, nullable=True),
        sa.Column("archived_on", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "not (minimum_spend and type = 'free_minutes')",
            name=op.f("ck_package_minimum_spend_or_free_minutes"),
        ),
        sa.CheckConstraint("minimum_days between 0 and 3650", name=op.f("ck_package_minimum_days")),
        sa.ForeignKeyConstraint(
            ["connexcs_package_id"],
            ["connexcs_package.id"],
            name="fk_package_connexcs_package_id_connexcs_package",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_package"),
        sa.UniqueConstraint("token", name="uq_package_token"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_package_connexcs_package_id", "package", ["connexcs_package_id"], unique=False)
    op.create_index("ix_package_name_key", "package", ["name_key"], unique=False)
    op.create_index("ix_package_search_key_id", "package", ["search_key", "id"], unique=False)

    op.create_table(
        "payment",
        sa.Column("id", PK, nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("customer_id", PK, nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "completed",
                "cancelled",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column(
            "method",
            sa.Enum(
                "bank_transfer",
                "card",
                "direct_debit",
                "cash",
                "cheque",
                "other",
                name="method",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("bank_reference", sa.String(length=140), nullable=False),
        sa.Column("reference_key", KEY, nullable=False),
        sa.Column("again_reason", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("confirm_by_email", sa.Boolean(), nullable=False),
        sa.Column("created_by", sa.String(length=254), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("split_from_id", PK, nullable=True),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payment_amount")),
        sa.CheckConstraint("fee >= 0", name=op.f("ck_payment_fee")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name="fk_payment_customer_id_customer"),
        sa.ForeignKeyConstraint(["split_from_id"], ["payment.id"], name="fk_payment_split_from_id_payment"),
        sa.PrimaryKeyConstraint("id", name="pk_payment"),
        sa.UniqueConstraint("token", name="uq_payment_token"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_payment_amount_id", "payment", ["amount", "id"], unique=False)
    op.create_index("ix_payment_customer_id_id", "payment", ["customer_id", "id"], unique=False)
    op.create_index("ix_payment_paid_on_id", "payment", ["paid_on", "id"], unique=False)
    op.create_index(
        "ix_payment_split_from_id",
        "payment",
        ["split_from_id"],
        unique=False,
        sqlite_where=sa.text("split_from_id is not null"),
        postgresql_where=sa.text("split_from_id is not null"),
    )
    op.create_index(
        "ix_payment_reference_key",
        "payment",
        ["reference_key"],
        unique=False,
        sqlite_where=sa.text("reference_key <> ''"),
        postgresql_where=sa.text("reference_key <> ''"),
    )
    op.create_index(
        "uq_payment_reference_key",
        "payment",
        ["reference_key"],
        unique=True,
        sqlite_where=sa.text(
            "reference_key <> '' and again_reason = '' and state <> 'cancelled' and split_from_id is null"
        ),
        postgresql_where=sa.text(
            "reference_key <> '' and again_reason = '' and state <> 'cancelled' and split_from_id is null"
        ),
    )

    op.create_table(
        "payment_back",
        sa.Column("id", PK, nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("customer_id", PK, nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column(
            "method",
            sa.Enum(
                "bank_transfer",
                "card",
                "direct_debit",
                "cash",
                "cheque",
                "other",
                name="method",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("bank_reference", sa.String(length=140), nullable=False),
        sa.Column("reference_key", KEY, nullable=False),
        sa.Column("cancelled_on", sa.Date(), nullable=True),
        sa.Column("created_by", sa.String(length=254), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payment_back_amount")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name="fk_payment_back_customer_id_customer"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_payment_back"),
        sa.UniqueConstraint("token", name="uq_payment_back_token"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_payment_back_customer_id_id", "payment_back", ["customer_id", "id"], unique=False)
    op.create_index("ix_payment_back_paid_on_id", "payment_back", ["paid_on", "id"], unique=False)
    op.create_index("ix_payment_back_amount_id", "payment_back", ["amount", "id"], unique=False)
    op.create_index(
        "ix_payment_back_reference_key",
        "payment_back",
        ["reference_key"],
        unique=False,
        sqlite_where=sa.text("reference_key <> ''"),
        postgresql_where=sa.text("reference_key <> ''"),
    )

    op.create_table(
        "returned_payment",
        sa.Column("id", PK, nullable=False),
        sa.Column("payment_back_id", PK, nullable=False),
        sa.Column("payment_id", PK, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_returned_payment_amount")),
        sa.ForeignKeyConstraint(
            ["payment_back_id"], ["payment_back.id"], name="fk_returned_payment_payment_back_id_payment_back"
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payment.id"], name="fk_returned_payment_payment_id_payment"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_returned_payment"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_returned_payment_payment_back_id", "returned_payment", ["payment_back_id"], unique=False
    )
    op.create_index("ix_returned_payment_payment_id", "returned_payment", ["payment_id"], unique=False)

    op.create_table(
        "run",
        sa.Column("id", PK, nullable=False),
        sa.Column("simulate", sa.Boolean(), nullable=False),
        sa.Column("customer_id", PK, nullable=True),
        sa.Column("through", sa.Date(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "running",
                "stopped",
                "done",
                "refused",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("simulation_id", PK, nullable=True),
        sa.Column("due_count", sa.Integer(), nullable=False),
        sa.Column("done_count", sa.Integer(), nullable=False),
        sa.Column("charge_count", sa.Integer(), nullable=False),
        sa.Column("held_count", sa.Integer(), nullable=False),
        sa.Column("failed_count", sa.Integer(), nullable=False),
        sa.Column("started_by", sa.String(length=254), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("going_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("going_from", sa.Integer(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name="fk_run_customer_id_customer"),
        sa.ForeignKeyConstraint(["simulation_id"], ["run.id"], name="fk_run_simulation_id_run"),
        sa.PrimaryKeyConstraint("id", name="pk_run"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_run_customer_id", "run", ["customer_id"], unique=False)
    op.create_index("ix_run_started_at_id", "run", ["started_at", "id"], unique=False)

    op.create_table(
        "user",
        sa.Column("id", PK, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("customer_id", PK, nullable=True),
        sa.Column("tf_last_counter", sa.BigInteger(), nullable=True),
        sa.Column("email", sa.String(length=255), nullable=False),
        sa.Column("username", sa.String(length=255), nullable=True),
        sa.Column("password", sa.String(length=255), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("fs_uniquifier", sa.String(length=64), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(), nullable=True),
        sa.Column("last_login_at", sa.DateTime(), nullable=True),
        sa.Column("current_login_at", sa.DateTime(), nullable=True),
        sa.Column("last_login_ip", sa.String(length=64), nullable=True),
        sa.Column("current_login_ip", sa.String(length=64), nullable=True),
        sa.Column("login_count", sa.Integer(), nullable=True),
        sa.Column("tf_primary_method", sa.String(length=64), nullable=True),
        sa.Column("tf_totp_secret", sa.String(length=255), nullable=True),
        sa.Column("tf_phone_number", sa.String(length=128), nullable=True),
        sa.Column("us_totp_secrets", sa.Text(), nullable=True),
        sa.Column("us_phone_number", sa.String(length=128), nullable=True),
        sa.Column("fs_webauthn_user_handle", sa.String(length=64), nullable=True),
        sa.Column("mf_recovery_codes", sa.UnicodeText(), nullable=True),
        sa.Column("create_datetime", sa.DateTime(), server_default=sa.func.now(), nullable=False),
        sa.Column("update_datetime", sa.DateTime(), server_default=sa.func.now(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name="fk_user_customer_id_customer"),
        sa.PrimaryKeyConstraint("id", name="pk_user"),
        sa.UniqueConstraint("email", name="uq_user_email"),
        sa.UniqueConstraint("fs_uniquifier", name="uq_user_fs_uniquifier"),
        sa.UniqueConstraint("fs_webauthn_user_handle", name="uq_user_fs_webauthn_user_handle"),
        sa.UniqueConstraint("us_phone_number", name="uq_user_us_phone_number"),
        sa.UniqueConstraint("username", name="uq_user_username"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_user_customer_id", "user", ["customer_id"], unique=False)

    op.create_table(
        "assignment",
        sa.Column("id", PK, nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("package_id", PK, nullable=False),
        sa.Column("customer_id", PK, nullable=False),
        sa.Column("did_id", PK, nullable=True),
        sa.Column("start_date", sa.Date(), nullable=False),
        sa.Column("end_date", sa.Date(), nullable=True),
        sa.Column("withdrawn_on", sa.Date(), nullable=True),
        sa.Column("charge_from", sa.Date(), nullable=True),
        sa.Column("anchor", sa.Date(), nullable=True),
        sa.Column("reference", sa.String(length=60), nullable=True),
        sa.Column("minutes", sa.Integer(), nullable=True),
        sa.Column("minimum_days", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.Date(), nullable=True),
        sa.Column("auto_decrement_credit", sa.Boolean(), nullable=False),
        sa.Column("override_reason", sa.Text(), nullable=False),
        sa.Column("override_by", sa.String(length=254), nullable=False),
        sa.Column("override_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by", sa.String(length=254), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "end_date is null or end_date >= start_date or withdrawn_on is not null",
            name=op.f("ck_assignment_end_date"),
        ),
        sa.CheckConstraint("minimum_days between 0 and 3650", name=op.f("ck_assignment_minimum_days")),
        sa.CheckConstraint(
            "minutes is null or minutes between 1 and 1000000000", name=op.f("ck_assignment_minutes")
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name="fk_assignment_customer_id_customer"),
        sa.ForeignKeyConstraint(["did_id"], ["did.id"], name="fk_assignment_did_id_did"),
        sa.ForeignKeyConstraint(["package_id"], ["package.id"], name="fk_assignment_package_id_package"),
        sa.PrimaryKeyConstraint("id", name="pk_assignment"),
        sa.UniqueConstraint("token", name="uq_assignment_token"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_assignment_of_customer",
        "assignment",
        ["customer_id", "package_id", "end_date", "withdrawn_on", "id", "start_date"],
        unique=False,
    )
    # After the one before, of which SQLite would else take the ids: in no order, so that rows are looked for all over.
    op.create_index(
        "ix_assignment_customer_id_id_version", "assignment", ["customer_id", "id", "version"], unique=False
    )
    op.create_index("ix_assignment_did_id_end_date", "assignment", ["did_id", "end_date"], unique=False)
    op.create_index("ix_assignment_end_date", "assignment", ["end_date"], unique=False)
    op.create_index(
        "ix_assignment_package_id_id_customer_id",
        "assignment",
        ["package_id", "id", "customer_id"],
        unique=True,
    )
    op.create_index(
        "ix_assignment_package_id_start_date_end_date",
        "assignment",
        ["package_id", "start_date", "end_date"],
        unique=False,
    )
    op.create_index(
        "ix_assignment_reference",
        "assignment",
        ["reference"],
        unique=True,
        sqlite_where=sa.text("reference is not null"),
        postgresql_where=sa.text("reference is not null"),
    )

    op.create_table(
        "call",
        sa.Column("id", PK, nullable=False),
        sa.Column("customer_id", PK, nullable=False),
        sa.Column("call_id", code(120), nullable=False),
        sa.Column("did_id", PK, nullable=True),
        sa.Column("other_did_id", PK, nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("destination", code(40), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=True),
        sa.Column("covered_seconds", sa.Integer(), server_default="0", nullable=False),
        sa.Column("covered_amount", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("came_in_on", sa.Date(), nullable=False),
        sa.Column("import_id", PK, nullable=True),
        sa.CheckConstraint("amount >= 0 and seconds >= 0", name=op.f("ck_call_not_negative")),
        sa.CheckConstraint("covered_amount between 0 and amount", name=op.f("ck_call_covered")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name="fk_call_customer_id_customer"),
        sa.ForeignKeyConstraint(["did_id"], ["did.id"], name="fk_call_did_id_did"),
        sa.ForeignKeyConstraint(["other_did_id"], ["did.id"], name="fk_call_other_did_id_did"),
        sa.PrimaryKeyConstraint("id", name="pk_call"),
        sa.UniqueConstraint("call_id", "customer_id", name="uq_call_call_id_customer_id"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_call_of_customer",
        "call",
        ["customer_id", "day", "id", "amount", "covered_amount", "seconds", "covered_seconds", "destination"],
        unique=False,
    )
    op.create_index("ix_call_day_destination", "call", ["day", "destination"], unique=False)
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    long_ago = "'2000-01-01 00:00:00.000000'" if is_sqlite else "'2000-01-01 00:00:00+00'::timestamptz"
    newest = sa.text(f"coalesce(started_at, {long_ago})")
    op.create_index("ix_call_newest", "call", ["day", newest, "id"], unique=False)
    op.create_index(
        "ix_call_did_id_day",
        "call",
        ["did_id", "day"],
        unique=False,
        sqlite_where=sa.text("did_id IS NOT NULL"),
        postgresql_where=sa.text("did_id IS NOT NULL"),
    )
    op.create_index("ix_call_import_id", "call", ["import_id"], unique=False)
    op.create_index(
        "ix_call_other_did_id",
        "call",
        ["other_did_id"],
        unique=False,
        sqlite_where=sa.text("other_did_id IS NOT NULL"),
        postgresql_where=sa.text("other_did_id IS NOT NULL"),
    )

    op.create_table(
        "call_change",
        sa.Column("import_id", PK, autoincrement=False, nullable=False),
        sa.Column("call_id", PK, autoincrement=False, nullable=False),
        sa.Column("customer_id", PK, nullable=False),
        sa.Column("did_id", PK, nullable=True),
        sa.Column("other_did_id", PK, nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("destination", sa.String(length=40), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=True),
        sa.Column("came_in_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["call_id"], ["call.id"], name="fk_call_change_call_id_call", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["did_id"], ["did.id"], name="fk_call_change_did_id_did", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["import_id"], ["call_import.id"], name="fk_call_change_import_id_call_import", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["other_did_id"], ["did.id"], name="fk_call_change_other_did_id_did", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("import_id", "call_id", name="pk_call_change"),
    )
    op.create_index("ix_call_change_call_id", "call_change", ["call_id"], unique=False)

    op.create_table(
        "call_said",
        sa.Column("id", PK, nullable=False),
        sa.Column("call_id", PK, nullable=False),
        sa.Column("import_id", PK, nullable=True),
        sa.Column("was_its_own", sa.Boolean(), nullable=False),
        sa.Column("place", PK, nullable=True),
        sa.Column("customer_id", PK, nullable=False),
        sa.Column("did_id", PK, nullable=True),
        sa.Column("other_did_id", PK, nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("destination", sa.String(length=40), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=True),
        sa.Column("came_in_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["call_id"], ["call.id"], name="fk_call_said_call_id_call", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_call_said"),
        sa.UniqueConstraint("call_id", "import_id", name="uq_call_said_call_id_import_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_call_said_import_id", "call_said", ["import_id"], unique=False)

    op.create_table(
        "calls_said_again",
        sa.Column("id", PK, nullable=False),
        sa.Column("import_id", PK, nullable=False),
        sa.Column("block", PK, nullable=False),
        sa.Column("came_in_on", sa.Date(), nullable=False),
        sa.Column("call_ids", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_calls_said_again"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_calls_said_again_block", "calls_said_again", ["block"], unique=False)
    op.create_index("ix_calls_said_again_import_id", "calls_said_again", ["import_id"], unique=False)

    op.create_table(
        "call_move",
        sa.Column("import_id", PK, autoincrement=False, nullable=False),
        sa.Column("moved_id", PK, autoincrement=False, nullable=False),
        sa.Column("call_id", sa.String(length=120), nullable=False),
        sa.Column("from_customer_id", PK, nullable=False),
        sa.Column("to_customer_id", PK, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["from_customer_id"], ["customer.id"], name="fk_call_move_from_customer_id_customer"
        ),
        sa.ForeignKeyConstraint(
            ["import_id"], ["call_import.id"], name="fk_call_move_import_id_call_import", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["to_customer_id"], ["customer.id"], name="fk_call_move_to_customer_id_customer"
        ),
        sa.PrimaryKeyConstraint("import_id", "moved_id", name="pk_call_move"),
    )
    op.create_index(
        "ix_call_move_from_customer_id_call_id", "call_move", ["from_customer_id", "call_id"], unique=False
    )

    op.create_table(
        "import_undo",
        sa.Column("id", PK, nullable=False),
        sa.Column("import_id", PK, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("due_count", sa.Integer(), nullable=False),
        sa.Column("done_count", sa.Integer(), nullable=False),
        sa.Column("given_count", sa.Integer(), nullable=False),
        sa.Column("started_by", sa.String(length=254), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["import_id"], ["call_import.id"], name="fk_import_undo_import_id_call_import"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_import_undo"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_import_undo_import_id", "import_undo", ["import_id"], unique=False)

    op.create_table(
        "import_undo_customer",
        sa.Column("undo_id", PK, autoincrement=False, nullable=False),
        sa.Column("customer_id", PK, autoincrement=False, nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("late_from", sa.Date(), nullable=True),
        sa.Column("late_through", sa.Date(), nullable=True),
        sa.Column("call_count", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("is_settled", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name="fk_import_undo_customer_customer_id_customer"
        ),
        sa.ForeignKeyConstraint(
            ["undo_id"],
            ["import_undo.id"],
            name="fk_import_undo_customer_undo_id_import_undo",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("undo_id", "customer_id", name="pk_import_undo_customer"),
    )
    op.create_index(
        "ix_import_undo_customer_customer_id", "import_undo_customer", ["customer_id"], unique=False
    )

    op.create_table(
        "package_price",
        sa.Column("id", PK, nullable=False),
        sa.Column("package_id", PK, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("cost", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("retail", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("setup_cost", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("setup_retail", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "cost between 0 and 999999999000000 and retail between 0 and 999999999000000 and setup_cost between 0 and 999999999000000 and setup_retail between 0 and 999999999000000",
            name=op.f("ck_package_price_bounds"),
        ),
        sa.ForeignKeyConstraint(
            ["package_id"], ["package.id"], name="fk_package_price_package_id_package", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_package_price"),
        sa.UniqueConstraint(
            "package_id",
            "currency",
            "effective_from",
            name="uq_package_price_package_id_currency_effective_from",
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "package_schedule",
        sa.Column("id", PK, nullable=False),
        sa.Column("package_id", PK, nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column(
            "frequency",
            sa.Enum(
                "none",
                "daily",
                "weekly",
                "monthly",
                "quarterly",
                "yearly",
                name="frequency",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("frequency_match", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(
            ["package_id"], ["package.id"], name="fk_package_schedule_package_id_package", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_package_schedule"),
        sa.UniqueConstraint(
            "package_id", "effective_from", name="uq_package_schedule_package_id_effective_from"
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "roles_users",
        sa.Column("user_id", PK, nullable=False),
        sa.Column("role_id", PK, nullable=False),
        sa.ForeignKeyConstraint(["role_id"], ["role.id"], name="fk_roles_users_role_id_role"),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name="fk_roles_users_user_id_user"),
        sa.PrimaryKeyConstraint("user_id", "role_id", name="pk_roles_users"),
    )
    op.create_table(
        "run_exception",
        sa.Column("id", PK, nullable=False),
        sa.Column("run_id", PK, nullable=False),
        sa.Column("assignment_id", PK, nullable=False),
        sa.Column(
            "outcome",
            sa.Enum(
                "held",
                "failed",
                "changed",
                name="outcome",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("line_count", sa.Integer(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name="fk_run_exception_run_id_run", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_run_exception"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_run_exception_run_id_assignment_id", "run_exception", ["run_id", "assignment_id"], unique=False
    )
    op.create_index("ix_run_exception_run_id_id", "run_exception", ["run_id", "id"], unique=False)

    op.create_table(
        "run_shard",
        sa.Column("run_id", PK, autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("customers_from", PK, nullable=True),
        sa.Column("customers_until", PK, nullable=True),
        sa.Column("due_count", sa.Integer(), nullable=False),
        sa.Column("done_count", sa.Integer(), nullable=False),
        sa.Column("is_done", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_run_shard_run_id_run", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "number", name="pk_run_shard"),
    )
    op.create_table(
        "run_total",
        sa.Column("run_id", PK, autoincrement=False, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("charge_count", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_run_total_run_id_run", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "currency", name="pk_run_total"),
    )
    op.create_table(
        "simulated_charge",
        sa.Column("id", PK, nullable=False),
        sa.Column("run_id", PK, nullable=False),
        sa.Column("customer_id", PK, nullable=False),
        sa.Column("assignment_id", PK, nullable=False),
        sa.Column("package_id", PK, nullable=False),
        sa.Column("provisional", sa.Boolean(), nullable=False),
        sa.Column("charge_on", sa.Date(), nullable=False),
        sa.Column("period_from", sa.Date(), nullable=False),
        sa.Column("period_until", sa.Date(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price", sa.BigInteger(), nullable=False),
        sa.Column("unit_cost", sa.BigInteger(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("whole_days", sa.Integer(), nullable=False),
        sa.Column("spend", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.Column("tax_rate", sa.BigInteger(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False),
        sa.Column("label", sa.String(length=120), nullable=False),
        sa.Column("did_number", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.CheckConstraint(A_KIND, name=op.f("ck_simulated_charge_kind")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name="fk_simulated_charge_customer_id_customer"
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name="fk_simulated_charge_run_id_run", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_simulated_charge"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_simulated_charge_run_id_id", "simulated_charge", ["run_id", "id"], unique=False)

    op.create_table(
        "user_session",
        sa.Column("id", PK, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("user_id", PK, nullable=False),
        sa.Column("browser", sa.String(length=250), nullable=False),
        sa.Column("address", sa.String(length=60), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name="fk_user_session_user_id_user", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_user_session"),
        sa.UniqueConstraint("key", name="uq_user_session_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_user_session_user_id", "user_session", ["user_id"], unique=False)

    op.create_table(
        "webauthn",
        sa.Column("id", PK, nullable=False),
        sa.Column("credential_id", sa.LargeBinary(length=1024), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.Integer(), nullable=True),
        sa.Column("transports", sa.UnicodeText(), nullable=True),
        sa.Column("backup_state", sa.Boolean(), nullable=False),
        sa.Column("device_type", sa.String(length=64), nullable=False),
        sa.Column("extensions", sa.String(length=255), nullable=True),
        sa.Column("create_datetime", sa.DateTime(), server_default=sa.func.now(), nullable=False),
        sa.Column("lastuse_datetime", sa.DateTime(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("usage", sa.String(length=64), nullable=False),
        sa.Column("user_id", PK, nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name="fk_webauthn_user_id_user", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_webauthn"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_webauthn_credential_id", "webauthn", ["credential_id"], unique=True)

    op.create_table(
        "assignment_end",
        sa.Column("id", PK, nullable=False),
        sa.Column("assignment_id", PK, nullable=False),
        sa.Column("known_on", sa.Date(), nullable=False),
        sa.Column("end_date", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["assignment_id"],
            ["assignment.id"],
            name="fk_assignment_end_assignment_id_assignment",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_assignment_end"),
        sa.UniqueConstraint("assignment_id", "known_on", name="uq_assignment_end_assignment_id_known_on"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "assignment_hold",
        sa.Column("id", PK, nullable=False),
        sa.Column("assignment_id", PK, nullable=False),
        sa.Column(
            "choice",
            sa.Enum(
                "post_all", "charge_from", name="choice", native_enum=False, create_constraint=True, length=20
            ),
            nullable=False,
        ),
        sa.Column("held_lines", sa.Integer(), nullable=False),
        sa.Column("charge_from", sa.Date(), nullable=True),
        sa.Column("passed_over_lines", sa.Integer(), nullable=False),
        sa.Column("passed_over_amount", sa.BigInteger(), nullable=False),
        sa.Column("chosen_by", sa.String(length=254), nullable=False),
        sa.Column("chosen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["assignment_id"],
            ["assignment.id"],
            name="fk_assignment_hold_assignment_id_assignment",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_assignment_hold"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_assignment_hold_assignment_id", "assignment_hold", ["assignment_id"], unique=False)

    op.create_table(
        "assignment_position",
        sa.Column("assignment_id", PK, autoincrement=False, nullable=False),
        sa.Column("charged_until", sa.Date(), nullable=True),
        sa.Column("worked_through", sa.Date(), nullable=True),
        sa.Column("next_charge_on", sa.Date(), nullable=True),
        sa.Column("held_lines", sa.Integer(), nullable=False),
        sa.Column("post_all_through", sa.Date(), nullable=True),
        sa.Column("late_from", sa.Date(), nullable=True),
        sa.Column("late_on", sa.Date(), nullable=True),
        sa.Column("was_undone", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["assignment_id"],
            ["assignment.id"],
            name="fk_assignment_position_assignment_id_assignment",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("assignment_id", name="pk_assignment_position"),
    )
    op.create_index(
        "ix_assignment_position_next_charge_on", "assignment_position", ["next_charge_on"], unique=False
    )
    op.create_index(
        "ix_assignment_position_held",
        "assignment_position",
        ["next_charge_on"],
        unique=False,
        sqlite_where=sa.text("held_lines > 0"),
        postgresql_where=sa.text("held_lines > 0"),
    )

    op.create_table(
        "run_undo",
        sa.Column("id", PK, nullable=False),
        sa.Column("run_id", PK, nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "running",
                "stopped",
                "done",
                "refused",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("due_count", sa.Integer(), nullable=False),
        sa.Column("done_count", sa.Integer(), nullable=False),
        sa.Column("charge_count", sa.Integer(), nullable=False),
        sa.Column("started_by", sa.String(length=254), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_run_undo_run_id_run"),
        sa.PrimaryKeyConstraint("id", name="pk_run_undo"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_run_undo_run_id_id", "run_undo", ["run_id", "id"], unique=False)

    op.create_table(
        "run_position",
        sa.Column("run_id", PK, autoincrement=False, nullable=False),
        sa.Column("assignment_id", PK, autoincrement=False, nullable=False),
        sa.Column("charged_until", sa.Date(), nullable=True),
        sa.Column("worked_through", sa.Date(), nullable=True),
        sa.Column("next_charge_on", sa.Date(), nullable=True),
        sa.Column("late_from", sa.Date(), nullable=True),
        sa.Column("late_on", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("last_charge_id", PK, nullable=True),
        sa.Column("undo_id", PK, nullable=True),
        sa.ForeignKeyConstraint(
            ["assignment_id"],
            ["assignment.id"],
            name="fk_run_position_assignment_id_assignment",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_run_position_run_id_run"),
        sa.ForeignKeyConstraint(["undo_id"], ["run_undo.id"], name="fk_run_position_undo_id_run_undo"),
        sa.PrimaryKeyConstraint("run_id", "assignment_id", name="pk_run_position"),
    )
    op.create_index("ix_run_position_assignment_id", "run_position", ["assignment_id"], unique=False)

    op.create_table(
        "assignment_price",
        sa.Column("id", PK, nullable=False),
        sa.Column("assignment_id", PK, nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=True),
        sa.Column("retail", sa.BigInteger(), nullable=True),
        sa.Column("setup_cost", sa.BigInteger(), nullable=True),
        sa.Column("setup_retail", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(cost is null or cost between 0 and 999999999000000)"
            " and (retail is null or retail between 0 and 999999999000000)"
            " and (setup_cost is null or setup_cost between 0 and 999999999000000)"
            " and (setup_retail is null or setup_retail between 0 and 999999999000000)",
            name=op.f("ck_assignment_price_bounds"),
        ),
        sa.ForeignKeyConstraint(
            ["assignment_id"],
            ["assignment.id"],
            name="fk_assignment_price_assignment_id_assignment",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_assignment_price"),
        sa.UniqueConstraint(
            "assignment_id", "effective_from", name="uq_assignment_price_assignment_id_effective_from"
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "assignment_quantity",
        sa.Column("id", PK, nullable=False),
        sa.Column("assignment_id", PK, nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.CheckConstraint("quantity between 1 and 100000", name=op.f("ck_assignment_quantity_quantity")),
        sa.ForeignKeyConstraint(
            ["assignment_id"],
            ["assignment.id"],
            name="fk_assignment_quantity_assignment_id_assignment",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_assignment_quantity"),
        sa.UniqueConstraint(
            "assignment_id", "effective_from", name="uq_assignment_quantity_assignment_id_effective_from"
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "call_cover",
        sa.Column("id", PK, nullable=False),
        sa.Column("call_id", PK, nullable=False),
        sa.Column("assignment_id", PK, nullable=False),
        sa.Column("period_from", sa.Date(), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["assignment_id"], ["assignment.id"], name="fk_call_cover_assignment_id_assignment"
        ),
        sa.ForeignKeyConstraint(
            ["call_id"], ["call.id"], name="fk_call_cover_call_id_call", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_call_cover"),
        sa.UniqueConstraint(
            "call_id", "assignment_id", "period_from", name="uq_call_cover_call_id_assignment_id_period_from"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_call_cover_assignment_id_period_from",
        "call_cover",
        ["assignment_id", "period_from"],
        unique=False,
    )

    op.create_table(
        "correction",
        sa.Column("id", PK, nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("package_id", PK, nullable=True),
        sa.Column("customer_id", PK, nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("right", sa.Text(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("call_tax", sa.BigInteger(), nullable=False),
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.Column("made_by", sa.String(length=254), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name="fk_correction_customer_id_customer"),
        sa.ForeignKeyConstraint(["package_id"], ["package.id"], name="fk_correction_package_id_package"),
        sa.PrimaryKeyConstraint("id", name="pk_correction"),
        sa.UniqueConstraint("token", name="uq_correction_token"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_correction_customer_id_id", "correction", ["customer_id", "id"], unique=False)
    op.create_index("ix_correction_package_id_id", "correction", ["package_id", "id"], unique=False)
    op.create_table(
        "corrected_assignment",
        sa.Column("correction_id", PK, nullable=False),
        sa.Column("assignment_id", PK, nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["assignment_id"],
            ["assignment.id"],
            name="fk_corrected_assignment_assignment_id_assignment",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["correction_id"], ["correction.id"], name="fk_corrected_assignment_correction_id_correction"
        ),
        sa.PrimaryKeyConstraint("correction_id", "assignment_id", name="pk_corrected_assignment"),
    )
    op.create_index(
        "ix_corrected_assignment_assignment_id", "corrected_assignment", ["assignment_id"], unique=False
    )
    op.create_table(
        "charge",
        sa.Column("id", PK, nullable=False),
        sa.Column("token", sa.String(length=64), nullable=True),
        sa.Column("run_id", PK, nullable=True),
        sa.Column("customer_id", PK, nullable=False),
        sa.Column("assignment_id", PK, nullable=True),
        sa.Column("package_id", PK, nullable=True),
        sa.Column("auto_decrement_credit", sa.Boolean(), nullable=False),
        sa.Column("corrects_id", PK, nullable=True),
        sa.Column("reverses_id", PK, nullable=True),
        sa.Column("correction_id", PK, nullable=True),
        sa.Column("writes_off_id", PK, nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("opening_number", sa.String(length=60), nullable=True),
        sa.Column("search_key", KEY, server_default="", nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("posted_by", sa.String(length=254), nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("charge_on", sa.Date(), nullable=False),
        sa.Column("period_from", sa.Date(), nullable=False),
        sa.Column("period_until", sa.Date(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price", sa.BigInteger(), nullable=False),
        sa.Column("unit_cost", sa.BigInteger(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("whole_days", sa.Integer(), nullable=False),
        sa.Column("spend", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.Column("tax_rate", sa.BigInteger(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False),
        sa.Column("label", sa.String(length=120), nullable=False),
        sa.Column("did_number", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.CheckConstraint(
            "assignment_id is not null or corrects_id is not null or kind in "
            "('manual', 'opening_item', 'reversal', 'write_off', 'write_off_lapsed', 'undo')",
            name=op.f("ck_charge_has_assignment"),
        ),
        sa.CheckConstraint(
            "assignment_id is null or package_id is not null", name=op.f("ck_charge_has_package")
        ),
        sa.CheckConstraint(A_KIND, name=op.f("ck_charge_kind")),
        sa.CheckConstraint(
            "kind <> 'opening_item' or (opening_number is not null and due_on is not null "
            "and amount > 0 and cost = 0 and tax = 0)",
            name=op.f("ck_charge_opening_item"),
        ),
        sa.CheckConstraint(
            "period_until is null or period_until >= period_from", name=op.f("ck_charge_period")
        ),
        sa.CheckConstraint("quantity between 1 and 100000", name=op.f("ck_charge_quantity")),
        *keys_of_a_charge(),
        sa.PrimaryKeyConstraint("id", name="pk_charge"),
        sa.UniqueConstraint("assignment_id", "kind", "period_from", "number", name="uq_charge_once"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_charge_charge_on_id", "charge", ["charge_on", "id"], unique=False)
    op.create_index(
        "ix_charge_correction_id",
        "charge",
        ["correction_id"],
        unique=False,
        sqlite_where=sa.text("correction_id is not null"),
        postgresql_where=sa.text("correction_id is not null"),
    )
    op.create_index(
        "ix_charge_corrects_id",
        "charge",
        ["corrects_id"],
        unique=False,
        sqlite_where=sa.text("corrects_id is not null"),
        postgresql_where=sa.text("corrects_id is not null"),
    )
    op.create_index(
        "ix_charge_customer_id_charge_on_id", "charge", ["customer_id", "charge_on", "id"], unique=True
    )
    op.create_index(
        "ix_charge_kind_charge_on_id",
        "charge",
        ["kind", "charge_on", "id"],
        unique=False,
        sqlite_where=sa.text("kind <> 'recurring'"),
        postgresql_where=sa.text("kind <> 'recurring'"),
    )
    op.create_index(
        "ix_charge_opening",
        "charge",
        ["customer_id", "opening_number"],
        unique=False,
        sqlite_where=sa.text("opening_number is not null"),
        postgresql_where=sa.text("opening_number is not null"),
    )
    op.create_index(
        "ix_charge_opening_search_key",
        "charge",
        ["search_key", "id"],
        unique=False,
        sqlite_where=sa.text("opening_number is not null"),
        postgresql_where=sa.text("opening_number is not null"),
    )
    op.create_index(
        "ix_charge_package_id_charge_on_id", "charge", ["package_id", "charge_on", "id"], unique=False
    )
    op.create_index(
        "ix_charge_reverses_id",
        "charge",
        ["reverses_id"],
        unique=True,
        sqlite_where=sa.text("reverses_id is not null"),
        postgresql_where=sa.text("reverses_id is not null"),
    )
    op.create_index("ix_charge_run_id_id", "charge", ["run_id", "id"], unique=False)
    op.create_index(
        "ix_charge_token",
        "charge",
        ["token"],
        unique=True,
        sqlite_where=sa.text("token is not null"),
        postgresql_where=sa.text("token is not null"),
    )
    op.create_index(
        "ix_charge_writes_off_id",
        "charge",
        ["writes_off_id"],
        unique=False,
        sqlite_where=sa.text("writes_off_id is not null"),
        postgresql_where=sa.text("writes_off_id is not null"),
    )

    op.create_table(
        "notice",
        sa.Column("id", PK, nullable=False),
        sa.Column("assignment_id", PK, nullable=False),
        sa.Column("charge_on", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False),
        sa.Column("mail_id", PK, nullable=True),
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["assignment_id"],
            ["assignment.id"],
            name="fk_notice_assignment_id_assignment",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["mail_id"], ["mail.id"], name="fk_notice_mail_id_mail"),
        sa.PrimaryKeyConstraint("id", name="pk_notice"),
        sa.UniqueConstraint("assignment_id", "charge_on", name="uq_notice_assignment_id_charge_on"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_notice_charge_on_id", "notice", ["charge_on", "id"], unique=False)

    op.create_table(
        "allocation",
        sa.Column("id", PK, nullable=False),
        sa.Column("customer_id", PK, nullable=False),
        sa.Column(
            "source",
            sa.Enum(
                "payment",
                "balance",
                "discount",
                "credit",
                "write_off",
                name="source",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("payment_id", PK, nullable=True),
        sa.Column("by_charge_id", PK, nullable=True),
        sa.Column("charge_id", PK, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.Column("released_on", sa.Date(), nullable=True),
        sa.Column("released_by_id", PK, nullable=True),
        sa.Column("released_amount", sa.BigInteger(), nullable=True),
        sa.Column("by_hand", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_allocation_amount")),
        sa.CheckConstraint(
            "(source = 'payment') = (payment_id is not null) and "
            "(source in ('payment', 'balance')) = (by_charge_id is null)",
            name=op.f("ck_allocation_source_is_named"),
        ),
        sa.ForeignKeyConstraint(["by_charge_id"], ["charge.id"], name="fk_allocation_by_charge_id_charge"),
        sa.ForeignKeyConstraint(["charge_id"], ["charge.id"], name="fk_allocation_charge_id_charge"),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name="fk_allocation_customer_id_customer"),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name="fk_allocation_payment_id_payment"),
        sa.ForeignKeyConstraint(
            ["released_by_id"], ["charge.id"], name="fk_allocation_released_by_id_charge"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_allocation"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_allocation_by_charge_id", "allocation", ["by_charge_id"], unique=False)
    op.create_index("ix_allocation_charge_id", "allocation", ["charge_id"], unique=False)
    op.create_index("ix_allocation_customer_id_id", "allocation", ["customer_id", "id"], unique=False)
    op.create_index(
        "ix_allocation_released",
        "allocation",
        ["customer_id"],
        unique=False,
        sqlite_where=sa.text("released_on is not null"),
        postgresql_where=sa.text("released_on is not null"),
    )
    op.create_index("ix_allocation_payment_id", "allocation", ["payment_id"], unique=False)

    op.create_table(
        "open_item",
        sa.Column("charge_id", PK, autoincrement=False, nullable=False),
        sa.Column("customer_id", PK, nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("is_part_paid", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(["charge_id"], ["charge.id"], name="fk_open_item_charge_id_charge"),
        sa.PrimaryKeyConstraint("charge_id", name="pk_open_item"),
    )
    op.create_index(
        "ix_open_item_customer_id_due_on_amount",
        "open_item",
        ["customer_id", "due_on", "amount"],
        unique=False,
    )
    op.create_index("ix_open_item_due_on", "open_item", ["due_on"], unique=False)
    op.create_index("ix_open_item_amount_charge_id", "open_item", ["amount", "charge_id"], unique=False)
    op.create_index(
        "ix_open_item_to_use",
        "open_item",
        ["customer_id"],
        unique=False,
        sqlite_where=sa.text("amount < 0"),
        postgresql_where=sa.text("amount < 0"),
    )
    op.create_index(
        "ix_open_item_part_paid",
        "open_item",
        ["charge_id"],
        unique=False,
        sqlite_where=sa.text("is_part_paid"),
        postgresql_where=sa.text("is_part_paid"),
    )

    op.create_table(
        "due_day",
        sa.Column("id", PK, nullable=False),
        sa.Column("charge_id", PK, nullable=False),
        sa.Column("customer_id", PK, nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.Column("made_by", sa.String(length=254), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["charge_id"], ["charge.id"], name="fk_due_day_charge_id_charge"),
        sa.PrimaryKeyConstraint("id", name="pk_due_day"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_due_day_charge_id", "due_day", ["charge_id"], unique=False)
    op.create_index("ix_due_day_customer_id", "due_day", ["customer_id"], unique=False)

    op.create_table(
        "balance_entry",
        sa.Column("id", PK, nullable=False),
        sa.Column("token", sa.String(length=64), nullable=True),
        sa.Column("customer_id", PK, nullable=False),
        sa.Column(
            "source",
            sa.Enum(
                "charge",
                "calls",
                "payment",
                "adjustment",
                "allocation",
                "release",
                "split",
                "payment_back",
                name="source",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("charge_id", PK, nullable=True),
        sa.Column("payment_id", PK, nullable=True),
        sa.Column("payment_back_id", PK, nullable=True),
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.Column("for_day", sa.Date(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("tax", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("made_by", sa.String(length=254), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id", "for_day", "charge_id"],
            ["charge.customer_id", "charge.charge_on", "charge.id"],
            name="fk_balance_entry_charge_id_charge",
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name="fk_balance_entry_customer_id_customer"
        ),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name="fk_balance_entry_payment_id_payment"),
        sa.ForeignKeyConstraint(
            ["payment_back_id"], ["payment_back.id"], name="fk_balance_entry_payment_back_id_payment_back"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_balance_entry"),
        sa.UniqueConstraint("token", name="uq_balance_entry_token"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_balance_entry_customer_id_made_on_id_amount",
        "balance_entry",
        ["customer_id", "made_on", "id", "amount"],
        unique=False,
    )
    op.create_index(
        "ix_balance_entry_customer_id_source_for_day",
        "balance_entry",
        ["customer_id", "source", "for_day"],
        unique=False,
    )
    op.create_index(
        "ix_balance_entry_payment_back_id",
        "balance_entry",
        ["payment_back_id"],
        unique=False,
        sqlite_where=sa.text("payment_back_id is not null"),
        postgresql_where=sa.text("payment_back_id is not null"),
    )
    op.create_index("ix_balance_entry_payment_id", "balance_entry", ["payment_id"], unique=False)
    op.create_index(
        "uq_balance_entry_charge_id",
        "balance_entry",
        ["charge_id"],
        unique=True,
        sqlite_where=sa.text("source = 'charge'"),
        postgresql_where=sa.text("source = 'charge'"),
    )
    op.create_table(
        "daily_work",
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_daily_work"),
    )
    op.create_table(
        "bank_file",
        sa.Column("id", PK, nullable=False),
        sa.Column("name", sa.String(length=250), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=250), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("kept_by", sa.String(length=254), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_bank_file"),
        sa.UniqueConstraint("digest", name="uq_bank_file_digest"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_bank_file_waits",
        "bank_file",
        ["id"],
        unique=False,
        sqlite_where=sa.text("content is not null"),
        postgresql_where=sa.text("content is not null"),
    )

    op.create_table(
        "bank_line",
        sa.Column("id", PK, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=250), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "in",
                "out",
                "return",
                "fee",
                "batch",
                "payout",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("name", sa.String(length=250), nullable=False),
        sa.Column("payer_account", sa.String(length=250), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("payer_key", KEY, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("bank_reference", sa.String(length=140), nullable=False),
        sa.Column("other_references", sa.Text(), nullable=False),
        sa.Column("numbers", sa.Text(), nullable=False),
        sa.Column(
            "method",
            sa.Enum(
                "bank_transfer",
                "card",
                "direct_debit",
                "cash",
                "cheque",
                "other",
                name="method",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("returned", sa.BigInteger(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "open",
                "booked",
                "set_aside",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("note", sa.String(length=250), nullable=False),
        sa.Column("decided_by", sa.String(length=254), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_bank_line"),
        sa.UniqueConstraint("key", name="uq_bank_line_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_bank_line_booked_on_id", "bank_line", ["booked_on", "id"], unique=False)
    op.create_index(
        "ix_bank_line_open",
        "bank_line",
        ["id"],
        unique=False,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "ix_bank_line_payer_key",
        "bank_line",
        ["payer_key"],
        unique=False,
        sqlite_where=sa.text("state = 'booked' and payer_key <> ''"),
        postgresql_where=sa.text("state = 'booked' and payer_key <> ''"),
    )

    op.create_table(
        "bank_statement",
        sa.Column("id", PK, nullable=False),
        sa.Column("file_id", PK, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=250), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("number", sa.String(length=250), nullable=False),
        sa.Column("opening", sa.BigInteger(), nullable=True),
        sa.Column("closing", sa.BigInteger(), nullable=True),
        sa.Column("begins", sa.Date(), nullable=False),
        sa.Column("through", sa.Date(), nullable=False),
        sa.Column("line_count", sa.Integer(), nullable=False),
        sa.Column("known_count", sa.Integer(), nullable=False),
        sa.Column("passed_over_count", sa.Integer(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("booking_by", sa.String(length=254), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["bank_file.id"], name="fk_bank_statement_file_id_bank_file"),
        sa.PrimaryKeyConstraint("id", name="pk_bank_statement"),
        sa.UniqueConstraint("digest", name="uq_bank_statement_digest"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_bank_statement_account_through", "bank_statement", ["account", "through"], unique=False
    )
    op.create_index("ix_bank_statement_file_id", "bank_statement", ["file_id"], unique=False)

    op.create_table(
        "bank_booking",
        sa.Column("id", PK, nullable=False),
        sa.Column("line_id", PK, nullable=False),
        sa.Column(
            "booked_as",
            sa.Enum(
                "payment",
                "recorded",
                "returned",
                "paid_back",
                name="booked_as",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("payment_id", PK, nullable=True),
        sa.Column("payment_back_id", PK, nullable=True),
        sa.CheckConstraint(
            "(payment_id is null) <> (payment_back_id is null)", name="ck_bank_booking_one_of_two"
        ),
        sa.ForeignKeyConstraint(["line_id"], ["bank_line.id"], name="fk_bank_booking_line_id_bank_line"),
        sa.ForeignKeyConstraint(
            ["payment_back_id"], ["payment_back.id"], name="fk_bank_booking_payment_back_id_payment_back"
        ),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name="fk_bank_booking_payment_id_payment"),
        sa.PrimaryKeyConstraint("id", name="pk_bank_booking"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_bank_booking_line_id", "bank_booking", ["line_id"], unique=False)
    op.create_index("ix_bank_booking_payment_back_id", "bank_booking", ["payment_back_id"], unique=False)
    op.create_index("ix_bank_booking_payment_id", "bank_booking", ["payment_id"], unique=False)

    op.create_table(
        "bank_statement_line",
        sa.Column("statement_id", PK, autoincrement=False, nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("line_id", PK, nullable=False),
        sa.ForeignKeyConstraint(
            ["line_id"], ["bank_line.id"], name="fk_bank_statement_line_line_id_bank_line"
        ),
        sa.ForeignKeyConstraint(
            ["statement_id"], ["bank_statement.id"], name="fk_bank_statement_line_statement_id_bank_statement"
        ),
        sa.PrimaryKeyConstraint("statement_id", "place", name="pk_bank_statement_line"),
    )
    op.create_index("ix_bank_statement_line_line_id", "bank_statement_line", ["line_id"], unique=False)
    op.bulk_insert(sa.table("company", *map(sa.column, COMPANY)), [COMPANY])
    for table in APPEND_ONLY:
        refuse_edits(table)
    keep_keys_of_few()
    make_queue("3.10.0")
    keep_parts()


def downgrade() -> None:
    drop_queue()
    drop_parts()
    drop_keys_of_few()
    for table in APPEND_ONLY:
        allow_edits(table)
    op.drop_table("bank_statement_line")
    op.drop_table("bank_booking")
    op.drop_table("bank_statement")
    op.drop_table("bank_line")
    op.drop_table("bank_file")
    op.drop_table("daily_work")
    op.drop_table("balance_entry")
    op.drop_table("due_day")
    op.drop_table("open_item")
    op.drop_table("allocation")
    op.drop_table("notice")
    op.drop_table("charge")
    op.drop_table("corrected_assignment")
    op.drop_table("correction")
    op.drop_table("call_cover")
    op.drop_table("assignment_quantity")
    op.drop_table("assignment_price")
    op.drop_table("run_position")
    op.drop_table("run_undo")
    op.drop_table("assignment_position")
    op.drop_table("assignment_hold")
    op.drop_table("assignment_end")
    op.drop_table("webauthn")
    op.drop_table("user_session")
    op.drop_table("simulated_charge")
    op.drop_table("run_total")
    op.drop_table("run_shard")
    op.drop_table("run_exception")
    op.drop_table("roles_users")
    op.drop_table("package_schedule")
    op.drop_table("package_price")
    op.drop_table("import_undo_customer")
    op.drop_table("import_undo")
    op.drop_table("call_move")
    op.drop_table("calls_said_again")
    op.drop_table("call_said")
    op.drop_table("call_change")
    op.drop_table("call")
    op.drop_table("assignment")
    op.drop_table("user")
    op.drop_table("run")
    op.drop_table("returned_payment")
    op.drop_table("payment_back")
    op.drop_table("payment")
    op.drop_table("package")
    op.drop_table("invitation")
    op.drop_table("did_owner")
    op.drop_table("did")
    op.drop_table("customer_tax_rate")
    op.drop_table("contact")
    op.drop_table("note")
    op.drop_table("account_code")
    op.drop_table("call_reject")
    op.drop_table("sign_in_attempt")
    op.drop_table("sent_form")
    op.drop_table("bulk_act_thing")
    op.drop_table("bulk_act")
    op.drop_table("role")
    op.drop_table("sent_summary")
    op.drop_table("mail_attachment")
    op.drop_table("mail")
    op.drop_table("customer")
    op.drop_table("connexcs_package")
    op.drop_table("company")
    op.drop_table("due_sum")
    op.drop_table("customer_sum")
    op.drop_table("charge_sum")
    op.drop_table("charge_mark")
    op.drop_table("balance_sum")
    op.drop_table("balance_mark")
    op.drop_table("allocation_sum")
    op.drop_table("allocation_mark")
    op.drop_table("move_made")
    op.drop_table("move_line")
    op.drop_table("move_import")
    op.drop_table("file_layout")
    op.drop_table("call_import")
    op.drop_table("call_file_piece")
    op.drop_table("call_file")
    op.drop_table("audit_entry")
