"""What a charge refers to, and who holds that it is there.

The key of a charge to its assignment names the customer and the package too: it is of no other customer, and of no
other package, than what it charges. SQLite holds every other key in the charge itself, as it takes next to nothing.

PostgreSQL asks for each key of each row by a query of its own: all of them took two thirds of what it takes to store
a charge, those that are null as well. There a charge has the keys that nearly all need. What few have (a customer and a
package without an assignment, the charge or the correction that it is about) is written down beside it by a trigger, in
a table that has the keys: they hold both ways, like any others.
"""

import sqlalchemy as sa
from alembic import op
from append_only import allow_edits, refuse_edits

OF_FEW = {
    "customer_id": "customer",
    "package_id": "package",
    "corrects_id": "charge",
    "reverses_id": "charge",
    "correction_id": "correction",
    "writes_off_id": "charge",
}
# Of its assignment unless it has none.
BESIDE_AN_ASSIGNMENT = ("customer_id", "package_id")
# What may be removed; a charge and a correction never are.
REMOVED = ("customer_id", "package_id")


def keys_of_a_charge() -> list[sa.ForeignKeyConstraint]:
    """The keys that the table of charges itself has on this database."""
    keys = [
        sa.ForeignKeyConstraint(
            ["package_id", "assignment_id", "customer_id"],
            ["assignment.package_id", "assignment.id", "assignment.customer_id"],
            name="fk_charge_assignment_id_assignment",
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_charge_run_id_run"),
    ]
    if op.get_bind().dialect.name == "sqlite":
        keys += [
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=f"fk_charge_{column}_{table}")
            for column, table in OF_FEW.items()
        ]
    return keys


def keep_keys_of_few() -> None:
    """Hold on PostgreSQL what few charges refer to."""
    if op.get_bind().dialect.name == "sqlite":
        return
    columns = ", ".join(f"{column} bigint REFERENCES {table}" for column, table in OF_FEW.items())
    op.execute(f"CREATE TABLE charge_key (charge_id bigint PRIMARY KEY REFERENCES charge, {columns})")
    for column in REMOVED:
        op.execute(f"CREATE INDEX ix_charge_key_{column} ON charge_key ({column})")
    values = ", ".join(
        f"CASE WHEN NEW.assignment_id IS NULL THEN NEW.{column} END"
        if column in BESIDE_AN_ASSIGNMENT
        else f"NEW.{column}"
        for column in OF_FEW
    )
    op.execute(
        "CREATE FUNCTION keep_charge_key() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"INSERT INTO charge_key (charge_id, {', '.join(OF_FEW)}) VALUES (NEW.id, {values}); RETURN NULL; END $$"
    )
    about = [column for column in OF_FEW if column not in BESIDE_AN_ASSIGNMENT]
    some = " OR ".join(["NEW.assignment_id IS NULL", *(f"NEW.{column} IS NOT NULL" for column in about)])
    op.execute(
        f"CREATE TRIGGER charge_keeps_key AFTER INSERT ON charge FOR EACH ROW WHEN ({some}) "
        "EXECUTE FUNCTION keep_charge_key()"
    )
    refuse_edits("charge_key")


def drop_keys_of_few() -> None:
    """Undo keep_keys_of_few."""
    if op.get_bind().dialect.name == "postgresql":
        allow_edits("charge_key")
        op.execute("DROP TABLE charge_key")
        op.execute("DROP FUNCTION keep_charge_key CASCADE")
