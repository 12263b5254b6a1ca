-- The tables that a run writes, as they were before runs were made quicker (29 November 2026). Made up anew, under names
-- of their own, to be filled with the same rows; never changed.
CREATE TABLE before_charge (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    token VARCHAR(64),
    run_id INTEGER,
    customer_id INTEGER NOT NULL,
    assignment_id INTEGER,
    package_id INTEGER,
    auto_decrement_credit BOOLEAN NOT NULL,
    corrects_id INTEGER,
    reverses_id INTEGER,
    correction_id INTEGER,
    writes_off_id INTEGER,
    due_on DATE,
    search_key TEXT DEFAULT '' NOT NULL,
    reason TEXT NOT NULL,
    posted_by VARCHAR(254) NOT NULL,
    posted_at DATETIME NOT NULL,
    charge_on DATE NOT NULL,
    period_from DATE NOT NULL,
    period_until DATE,
    number INTEGER NOT NULL,
    quantity INTEGER NOT NULL,
    unit_price BIGINT NOT NULL,
    unit_cost BIGINT NOT NULL,
    days INTEGER NOT NULL,
    whole_days INTEGER NOT NULL,
    spend BIGINT,
    currency VARCHAR(3) NOT NULL,
    amount BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    tax_rate BIGINT NOT NULL,
    tax BIGINT NOT NULL,
    label VARCHAR(120) NOT NULL,
    did_number VARCHAR(16) NOT NULL,
    kind VARCHAR(20) NOT NULL,
    CONSTRAINT before_ck_charge_has_assignment CHECK (assignment_id is not null or corrects_id is not null or kind in ('manual', 'reversal', 'write_off', 'write_off_lapsed', 'undo')),
    CONSTRAINT before_ck_charge_period CHECK (period_until is null or period_until >= period_from),
    CONSTRAINT before_ck_charge_quantity CHECK (quantity between 1 and 100000),
    CONSTRAINT before_fk_charge_assignment_id_assignment FOREIGN KEY(assignment_id) REFERENCES assignment (id),
    CONSTRAINT before_fk_charge_correction_id_correction FOREIGN KEY(correction_id) REFERENCES correction (id),
    CONSTRAINT before_fk_charge_corrects_id_charge FOREIGN KEY(corrects_id) REFERENCES before_charge (id),
    CONSTRAINT before_fk_charge_customer_id_customer FOREIGN KEY(customer_id) REFERENCES customer (id),
    CONSTRAINT before_fk_charge_package_id_package FOREIGN KEY(package_id) REFERENCES package (id),
    CONSTRAINT before_fk_charge_reverses_id_charge FOREIGN KEY(reverses_id) REFERENCES before_charge (id),
    CONSTRAINT before_fk_charge_run_id_run FOREIGN KEY(run_id) REFERENCES run (id),
    CONSTRAINT before_fk_charge_writes_off_id_charge FOREIGN KEY(writes_off_id) REFERENCES before_charge (id),
    CONSTRAINT before_uq_charge_once UNIQUE (assignment_id, kind, period_from, number),
    CONSTRAINT before_uq_charge_reverses_id UNIQUE (reverses_id),
    CONSTRAINT before_uq_charge_token UNIQUE (token),
    CONSTRAINT before_ck_charge_kind CHECK (kind IN ('setup', 'one_off', 'minimum_spend', 'credit', 'difference', 'recurring', 'manual', 'reversal', 'write_off', 'write_off_lapsed', 'undo'))
);
CREATE INDEX before_ix_charge_charge_on_id ON before_charge (charge_on, id);
CREATE INDEX before_ix_charge_correction_id ON before_charge (correction_id) WHERE correction_id is not null;
CREATE INDEX before_ix_charge_corrects_id ON before_charge (corrects_id) WHERE corrects_id is not null;
CREATE INDEX before_ix_charge_customer_id_charge_on_id ON before_charge (customer_id, charge_on, id);
CREATE INDEX before_ix_charge_kind_charge_on_id ON before_charge (kind, charge_on, id) WHERE kind <> 'recurring';
CREATE INDEX before_ix_charge_package_id_charge_on_id ON before_charge (package_id, charge_on, id);
CREATE INDEX before_ix_charge_run_id_id ON before_charge (run_id, id);
CREATE INDEX before_ix_charge_writes_off_id ON before_charge (writes_off_id) WHERE writes_off_id is not null;
CREATE TRIGGER before_charge_no_update BEFORE UPDATE ON before_charge BEGIN SELECT RAISE(ABORT, 'charge: written once, never edited, never deleted'); END;
CREATE TRIGGER before_charge_no_delete BEFORE DELETE ON before_charge BEGIN SELECT RAISE(ABORT, 'charge: written once, never edited, never deleted'); END;
CREATE TRIGGER before_charge_no_replace BEFORE INSERT ON before_charge WHEN EXISTS (SELECT 1 FROM before_charge WHERE "id" = NEW."id") OR EXISTS (SELECT 1 FROM before_charge WHERE "assignment_id" = NEW."assignment_id" AND "kind" = NEW."kind" AND "period_from" = NEW."period_from" AND "number" = NEW."number") OR EXISTS (SELECT 1 FROM before_charge WHERE "reverses_id" = NEW."reverses_id") OR EXISTS (SELECT 1 FROM before_charge WHERE "token" = NEW."token") BEGIN SELECT RAISE(ABORT, 'charge: written once, never edited, never deleted'); END;
CREATE TABLE before_balance_entry (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    token VARCHAR(64),
    customer_id INTEGER NOT NULL,
    source VARCHAR(20) NOT NULL,
    charge_id INTEGER,
    payment_id INTEGER,
    payment_back_id INTEGER,
    made_on DATE NOT NULL,
    for_day DATE NOT NULL,
    amount BIGINT NOT NULL,
    tax BIGINT DEFAULT '0' NOT NULL,
    reason TEXT NOT NULL,
    made_by VARCHAR(254) NOT NULL,
    made_at DATETIME NOT NULL,
    CONSTRAINT before_fk_balance_entry_charge_id_charge FOREIGN KEY(charge_id) REFERENCES before_charge (id),
    CONSTRAINT before_fk_balance_entry_customer_id_customer FOREIGN KEY(customer_id) REFERENCES customer (id),
    CONSTRAINT before_fk_balance_entry_payment_id_payment FOREIGN KEY(payment_id) REFERENCES payment (id),
    CONSTRAINT before_fk_balance_entry_payment_back_id_payment_back FOREIGN KEY(payment_back_id) REFERENCES payment_back (id),
    CONSTRAINT before_uq_balance_entry_token UNIQUE (token),
    CONSTRAINT before_ck_balance_entry_source CHECK (source IN ('charge', 'calls', 'payment', 'adjustment', 'allocation', 'release', 'split', 'payment_back'))
);
CREATE INDEX before_ix_balance_entry_customer_id_made_on_id ON before_balance_entry (customer_id, made_on, id);
CREATE INDEX before_ix_balance_entry_customer_id_source_for_day ON before_balance_entry (customer_id, source, for_day);
CREATE INDEX before_ix_balance_entry_payment_back_id ON before_balance_entry (payment_back_id);
CREATE INDEX before_ix_balance_entry_payment_id ON before_balance_entry (payment_id);
CREATE UNIQUE INDEX before_uq_balance_entry_charge_id ON before_balance_entry (charge_id) WHERE source = 'charge';
CREATE TRIGGER before_balance_entry_no_update BEFORE UPDATE ON before_balance_entry BEGIN SELECT RAISE(ABORT, 'balance_entry: written once, never edited, never deleted'); END;
CREATE TRIGGER before_balance_entry_no_delete BEFORE DELETE ON before_balance_entry BEGIN SELECT RAISE(ABORT, 'balance_entry: written once, never edited, never deleted'); END;
CREATE TRIGGER before_balance_entry_no_replace BEFORE INSERT ON before_balance_entry WHEN EXISTS (SELECT 1 FROM before_balance_entry WHERE "id" = NEW."id") OR EXISTS (SELECT 1 FROM before_balance_entry WHERE "token" = NEW."token") OR EXISTS (SELECT 1 FROM before_balance_entry WHERE "charge_id" = NEW."charge_id" AND (source = 'charge') AND EXISTS (SELECT 1 FROM (SELECT NEW."id" AS "id", NEW."token" AS "token", NEW."customer_id" AS "customer_id", NEW."source" AS "source", NEW."charge_id" AS "charge_id", NEW."payment_id" AS "payment_id", NEW."payment_back_id" AS "payment_back_id", NEW."made_on" AS "made_on", NEW."for_day" AS "for_day", NEW."amount" AS "amount", NEW."tax" AS "tax", NEW."reason" AS "reason", NEW."made_by" AS "made_by", NEW."made_at" AS "made_at") WHERE source = 'charge')) BEGIN SELECT RAISE(ABORT, 'balance_entry: written once, never edited, never deleted'); END;
CREATE TABLE before_open_item (
    charge_id INTEGER NOT NULL,
    customer_id INTEGER NOT NULL,
    due_on DATE NOT NULL,
    amount BIGINT NOT NULL,
    CONSTRAINT before_pk_open_item PRIMARY KEY (charge_id),
    CONSTRAINT before_fk_open_item_charge_id_charge FOREIGN KEY(charge_id) REFERENCES before_charge (id),
    CONSTRAINT before_fk_open_item_customer_id_customer FOREIGN KEY(customer_id) REFERENCES customer (id)
);
CREATE INDEX before_ix_open_item_customer_id_due_on ON before_open_item (customer_id, due_on);
CREATE INDEX before_ix_open_item_due_on ON before_open_item (due_on);
CREATE INDEX before_ix_open_item_to_use ON before_open_item (customer_id) WHERE amount < 0;
CREATE TABLE before_assignment_position (
    assignment_id INTEGER NOT NULL,
    charged_until DATE,
    worked_through DATE,
    next_charge_on DATE,
    held_lines INTEGER NOT NULL,
    post_all_through DATE,
    late_from DATE,
    late_on DATE,
    was_undone BOOLEAN NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT before_pk_assignment_position PRIMARY KEY (assignment_id),
    CONSTRAINT before_fk_assignment_position_assignment_id_assignment FOREIGN KEY(assignment_id) REFERENCES assignment (id) ON DELETE CASCADE
);
CREATE INDEX before_ix_assignment_position_next_charge_on ON before_assignment_position (next_charge_on);
CREATE INDEX before_ix_assignment_position_held ON before_assignment_position (next_charge_on) WHERE held_lines > 0;
CREATE TABLE before_run_position (
    run_id INTEGER NOT NULL,
    assignment_id INTEGER NOT NULL,
    charged_until DATE,
    worked_through DATE,
    next_charge_on DATE,
    late_from DATE,
    late_on DATE,
    version INTEGER NOT NULL,
    last_charge_id INTEGER,
    undo_id INTEGER,
    CONSTRAINT before_pk_run_position PRIMARY KEY (run_id, assignment_id),
    CONSTRAINT before_fk_run_position_assignment_id_assignment FOREIGN KEY(assignment_id) REFERENCES assignment (id) ON DELETE CASCADE,
    CONSTRAINT before_fk_run_position_run_id_run FOREIGN KEY(run_id) REFERENCES run (id),
    CONSTRAINT before_fk_run_position_undo_id_run_undo FOREIGN KEY(undo_id) REFERENCES run_undo (id)
);
CREATE INDEX before_ix_run_position_assignment_id ON before_run_position (assignment_id);
