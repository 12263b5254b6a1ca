"""What finds rows by any three letters in a row of their texts: an index over all of those (portal.services.parts).

SQLite has it as a table of its own (FTS5), which triggers keep; PostgreSQL as an index over what a function makes of
the texts. The audit log is searched too seldom for an index that takes longer to keep than its entries to write: SQLite
has the texts of many entries as one, and reads only those entries on whose text the search has come.
"""

from alembic import op

# A table's texts that are searched for by any part of them.
SEARCHED = {
    "did": ("number",),
    "customer": ("search_key", "details_key"),
    "account_code": ("search_key",),
    "contact": ("search_key",),
    "note": ("search_key",),
    "package": ("search_key",),
    "payment": ("bank_reference", "reference_key"),
}
# Those that are searched for however they are written. SQLite's index makes no difference between letters anyway.
IN_SMALL_LETTERS = {"bank_reference"}

# What is new waits in a list that every search goes through, until it is this long: of the usual 4,096 KB that took
# 7 ms each time.
PENDING_KB = 128

# Entries of the audit log whose texts are one.
ENTRIES = 64
# They are written once, in the order of their ids.
KEEP_ENTRIES = f"""
    CREATE TRIGGER part_audit_entry_insert AFTER INSERT ON audit_entry
    WHEN new.id >= {ENTRIES} + coalesce((SELECT max(id) FROM part_audit_entry), 0)
    BEGIN
        INSERT INTO part_audit_entry (id, since, texts)
        SELECT new.id, min(id), group_concat(search_key, char(10)) FROM audit_entry
        WHERE id > coalesce((SELECT max(id) FROM part_audit_entry), 0) AND id <= new.id;
    END
"""


def keep_parts() -> None:
    """Index what is searched for by its parts, from the first row on."""
    if op.get_bind().dialect.name == "postgresql":
        # It takes ten times what PostgreSQL takes a function for, which asked it of each row rather than its index.
        op.execute(
            "CREATE FUNCTION parts_of(text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS "
            "$$ SELECT array_agg(DISTINCT substr($1, n, 3)) FROM generate_series(1, length($1) - 2) AS n $$"
        )
        for table, columns in SEARCHED.items():
            texts = " || ' ' || ".join(
                f"lower({name})" if name in IN_SMALL_LETTERS else name for name in columns
            )
            op.execute(
                f"CREATE INDEX part_{table} ON {table} USING gin (parts_of({texts})) "
                f"WITH (gin_pending_list_limit = {PENDING_KB})"
            )
        return
    for table, columns in SEARCHED.items():
        names = ", ".join(columns)
        old, new = (", ".join(f"{row}.{name}" for name in columns) for row in ("old", "new"))
        forget = f"INSERT INTO part_{table} (part_{table}, rowid, {names}) VALUES ('delete', old.id, {old});"
        keep = f"INSERT INTO part_{table} (rowid, {names}) VALUES (new.id, {new});"
        op.execute(
            f"CREATE VIRTUAL TABLE part_{table} USING fts5({names}, content='{table}', content_rowid='id', "
            "tokenize='trigram', detail='none', columnsize=0)"
        )
        for when, does in (
            ("INSERT", keep),
            ("DELETE", forget),
            (f"UPDATE OF {names}", forget + keep),
        ):
            name = when.split()[0].lower()
            op.execute(f"CREATE TRIGGER part_{table}_{name} AFTER {when} ON {table} BEGIN {does} END")
    op.execute(
        "CREATE TABLE part_audit_entry (id INTEGER NOT NULL PRIMARY KEY, since INTEGER NOT NULL, texts TEXT NOT NULL)"
    )
    op.execute(KEEP_ENTRIES)


def drop_parts() -> None:
    """Undo keep_parts."""
    for table in SEARCHED:
        if op.get_bind().dialect.name == "postgresql":
            op.execute(f"DROP INDEX part_{table}")
        else:
            for act in ("insert", "delete", "update"):
                op.execute(f"DROP TRIGGER part_{table}_{act}")
            op.execute(f"DROP TABLE part_{table}")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION parts_of(text)")
    else:
        op.execute("DROP TRIGGER part_audit_entry_insert")
        op.execute("DROP TABLE part_audit_entry")
