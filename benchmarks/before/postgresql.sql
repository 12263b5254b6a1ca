-- The tables that a run writes, as they were before runs were made quicker (29 November 2026). Made up anew, under names
-- of their own, to be filled with the same rows; never changed.
CREATE OR REPLACE FUNCTION before_charge_is_append_only()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$ BEGIN RAISE EXCEPTION 'charge: written once, never edited, never deleted' USING ERRCODE = 'integrity_constraint_violation'; END $function$;
CREATE OR REPLACE FUNCTION before_balance_entry_is_append_only()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$ BEGIN RAISE EXCEPTION 'balance_entry: written once, never edited, never deleted' USING ERRCODE = 'integrity_constraint_violation'; END $function$;
CREATE TABLE before_assignment_position (
    assignment_id bigint NOT NULL,
    charged_until date,
    worked_through date,
    next_charge_on date,
    held_lines integer NOT NULL,
    post_all_through date,
    late_from date,
    late_on date,
    was_undone boolean NOT NULL,
    version integer NOT NULL
);
CREATE TABLE before_balance_entry (
    id bigint NOT NULL,
    token character varying(64),
    customer_id bigint NOT NULL,
    source character varying(20) NOT NULL,
    charge_id bigint,
    payment_id bigint,
    payment_back_id bigint,
    made_on date NOT NULL,
    for_day date NOT NULL,
    amount bigint NOT NULL,
    tax bigint DEFAULT '0'::bigint NOT NULL,
    reason text NOT NULL,
    made_by character varying(254) NOT NULL,
    made_at timestamp with time zone NOT NULL,
    CONSTRAINT before_ck_balance_entry_source CHECK (((source)::text = ANY ((ARRAY['charge'::character varying, 'calls'::character varying, 'payment'::character varying, 'adjustment'::character varying, 'allocation'::character varying, 'release'::character varying, 'split'::character varying, 'payment_back'::character varying])::text[])))
);
CREATE SEQUENCE before_balance_entry_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE before_balance_entry_id_seq OWNED BY before_balance_entry.id;
CREATE TABLE before_charge (
    id bigint NOT NULL,
    token character varying(64),
    run_id bigint,
    customer_id bigint NOT NULL,
    assignment_id bigint,
    package_id bigint,
    auto_decrement_credit boolean NOT NULL,
    corrects_id bigint,
    reverses_id bigint,
    correction_id bigint,
    writes_off_id bigint,
    due_on date,
    search_key text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    reason text NOT NULL,
    posted_by character varying(254) NOT NULL,
    posted_at timestamp with time zone NOT NULL,
    charge_on date NOT NULL,
    period_from date NOT NULL,
    period_until date,
    number integer NOT NULL,
    quantity integer NOT NULL,
    unit_price bigint NOT NULL,
    unit_cost bigint NOT NULL,
    days integer NOT NULL,
    whole_days integer NOT NULL,
    spend bigint,
    currency character varying(3) NOT NULL,
    amount bigint NOT NULL,
    cost bigint NOT NULL,
    tax_rate bigint NOT NULL,
    tax bigint NOT NULL,
    label character varying(120) NOT NULL,
    did_number character varying(16) NOT NULL,
    kind character varying(20) NOT NULL,
    CONSTRAINT before_ck_charge_has_assignment CHECK (((assignment_id IS NOT NULL) OR (corrects_id IS NOT NULL) OR ((kind)::text = ANY ((ARRAY['manual'::character varying, 'reversal'::character varying, 'write_off'::character varying, 'write_off_lapsed'::character varying, 'undo'::character varying])::text[])))),
    CONSTRAINT before_ck_charge_kind CHECK (((kind)::text = ANY ((ARRAY['setup'::character varying, 'one_off'::character varying, 'minimum_spend'::character varying, 'credit'::character varying, 'difference'::character varying, 'recurring'::character varying, 'manual'::character varying, 'reversal'::character varying, 'write_off'::character varying, 'write_off_lapsed'::character varying, 'undo'::character varying])::text[]))),
    CONSTRAINT before_ck_charge_period CHECK (((period_until IS NULL) OR (period_until >= period_from))),
    CONSTRAINT before_ck_charge_quantity CHECK (((quantity >= 1) AND (quantity <= 100000)))
);
CREATE SEQUENCE before_charge_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE before_charge_id_seq OWNED BY before_charge.id;
CREATE TABLE before_open_item (
    charge_id bigint NOT NULL,
    customer_id bigint NOT NULL,
    due_on date NOT NULL,
    amount bigint NOT NULL
);
CREATE TABLE before_run_position (
    run_id bigint NOT NULL,
    assignment_id bigint NOT NULL,
    charged_until date,
    worked_through date,
    next_charge_on date,
    late_from date,
    late_on date,
    version integer NOT NULL,
    last_charge_id bigint,
    undo_id bigint
);
ALTER TABLE ONLY before_balance_entry ALTER COLUMN id SET DEFAULT nextval('before_balance_entry_id_seq'::regclass);
ALTER TABLE ONLY before_charge ALTER COLUMN id SET DEFAULT nextval('before_charge_id_seq'::regclass);
ALTER TABLE ONLY before_assignment_position
    ADD CONSTRAINT before_pk_assignment_position PRIMARY KEY (assignment_id);
ALTER TABLE ONLY before_balance_entry
    ADD CONSTRAINT before_pk_balance_entry PRIMARY KEY (id);
ALTER TABLE ONLY before_charge
    ADD CONSTRAINT before_pk_charge PRIMARY KEY (id);
ALTER TABLE ONLY before_open_item
    ADD CONSTRAINT before_pk_open_item PRIMARY KEY (charge_id);
ALTER TABLE ONLY before_run_position
    ADD CONSTRAINT before_pk_run_position PRIMARY KEY (run_id, assignment_id);
ALTER TABLE ONLY before_balance_entry
    ADD CONSTRAINT before_uq_balance_entry_token UNIQUE (token);
ALTER TABLE ONLY before_charge
    ADD CONSTRAINT before_uq_charge_once UNIQUE (assignment_id, kind, period_from, number);
ALTER TABLE ONLY before_charge
    ADD CONSTRAINT before_uq_charge_reverses_id UNIQUE (reverses_id);
ALTER TABLE ONLY before_charge
    ADD CONSTRAINT before_uq_charge_token UNIQUE (token);
CREATE INDEX before_ix_assignment_position_held ON before_assignment_position USING btree (next_charge_on) WHERE (held_lines > 0);
CREATE INDEX before_ix_assignment_position_next_charge_on ON before_assignment_position USING btree (next_charge_on);
CREATE INDEX before_ix_balance_entry_customer_id_made_on_id ON before_balance_entry USING btree (customer_id, made_on, id);
CREATE INDEX before_ix_balance_entry_customer_id_source_for_day ON before_balance_entry USING btree (customer_id, source, for_day);
CREATE INDEX before_ix_balance_entry_payment_back_id ON before_balance_entry USING btree (payment_back_id);
CREATE INDEX before_ix_balance_entry_payment_id ON before_balance_entry USING btree (payment_id);
CREATE INDEX before_ix_charge_charge_on_id ON before_charge USING btree (charge_on, id);
CREATE INDEX before_ix_charge_correction_id ON before_charge USING btree (correction_id) WHERE (correction_id IS NOT NULL);
CREATE INDEX before_ix_charge_corrects_id ON before_charge USING btree (corrects_id) WHERE (corrects_id IS NOT NULL);
CREATE INDEX before_ix_charge_customer_id_charge_on_id ON before_charge USING btree (customer_id, charge_on, id);
CREATE INDEX before_ix_charge_kind_charge_on_id ON before_charge USING btree (kind, charge_on, id) WHERE ((kind)::text <> 'recurring'::text);
CREATE INDEX before_ix_charge_package_id_charge_on_id ON before_charge USING btree (package_id, charge_on, id);
CREATE INDEX before_ix_charge_run_id_id ON before_charge USING btree (run_id, id);
CREATE INDEX before_ix_charge_writes_off_id ON before_charge USING btree (writes_off_id) WHERE (writes_off_id IS NOT NULL);
CREATE INDEX before_ix_open_item_customer_id_due_on ON before_open_item USING btree (customer_id, due_on);
CREATE INDEX before_ix_open_item_due_on ON before_open_item USING btree (due_on);
CREATE INDEX before_ix_open_item_to_use ON before_open_item USING btree (customer_id) WHERE (amount < 0);
CREATE INDEX before_ix_run_position_assignment_id ON before_run_position USING btree (assignment_id);
CREATE UNIQUE INDEX before_uq_balance_entry_charge_id ON before_balance_entry USING btree (charge_id) WHERE ((source)::text = 'charge'::text);
CREATE TRIGGER before_balance_entry_no_truncate BEFORE TRUNCATE ON before_balance_entry FOR EACH STATEMENT EXECUTE FUNCTION before_balance_entry_is_append_only();
CREATE TRIGGER before_balance_entry_no_update BEFORE DELETE OR UPDATE ON before_balance_entry FOR EACH ROW EXECUTE FUNCTION before_balance_entry_is_append_only();
CREATE TRIGGER before_charge_no_truncate BEFORE TRUNCATE ON before_charge FOR EACH STATEMENT EXECUTE FUNCTION before_charge_is_append_only();
CREATE TRIGGER before_charge_no_update BEFORE DELETE OR UPDATE ON before_charge FOR EACH ROW EXECUTE FUNCTION before_charge_is_append_only();
ALTER TABLE ONLY before_assignment_position
    ADD CONSTRAINT before_fk_assignment_position_assignment_id_assignment FOREIGN KEY (assignment_id) REFERENCES assignment(id) ON DELETE CASCADE;
ALTER TABLE ONLY before_balance_entry
    ADD CONSTRAINT before_fk_balance_entry_charge_id_charge FOREIGN KEY (charge_id) REFERENCES before_charge(id);
ALTER TABLE ONLY before_balance_entry
    ADD CONSTRAINT before_fk_balance_entry_customer_id_customer FOREIGN KEY (customer_id) REFERENCES customer(id);
ALTER TABLE ONLY before_balance_entry
    ADD CONSTRAINT before_fk_balance_entry_payment_back_id_payment_back FOREIGN KEY (payment_back_id) REFERENCES payment_back(id);
ALTER TABLE ONLY before_balance_entry
    ADD CONSTRAINT before_fk_balance_entry_payment_id_payment FOREIGN KEY (payment_id) REFERENCES payment(id);
ALTER TABLE ONLY before_charge
    ADD CONSTRAINT before_fk_charge_assignment_id_assignment FOREIGN KEY (assignment_id) REFERENCES assignment(id);
ALTER TABLE ONLY before_charge
    ADD CONSTRAINT before_fk_charge_correction_id_correction FOREIGN KEY (correction_id) REFERENCES correction(id);
ALTER TABLE ONLY before_charge
    ADD CONSTRAINT before_fk_charge_corrects_id_charge FOREIGN KEY (corrects_id) REFERENCES before_charge(id);
ALTER TABLE ONLY before_charge
    ADD CONSTRAINT before_fk_charge_customer_id_customer FOREIGN KEY (customer_id) REFERENCES customer(id);
ALTER TABLE ONLY before_charge
    ADD CONSTRAINT before_fk_charge_package_id_package FOREIGN KEY (package_id) REFERENCES package(id);
ALTER TABLE ONLY before_charge
    ADD CONSTRAINT before_fk_charge_reverses_id_charge FOREIGN KEY (reverses_id) REFERENCES before_charge(id);
ALTER TABLE ONLY before_charge
    ADD CONSTRAINT before_fk_charge_run_id_run FOREIGN KEY (run_id) REFERENCES run(id);
ALTER TABLE ONLY before_charge
    ADD CONSTRAINT before_fk_charge_writes_off_id_charge FOREIGN KEY (writes_off_id) REFERENCES before_charge(id);
ALTER TABLE ONLY before_open_item
    ADD CONSTRAINT before_fk_open_item_charge_id_charge FOREIGN KEY (charge_id) REFERENCES before_charge(id);
ALTER TABLE ONLY before_open_item
    ADD CONSTRAINT before_fk_open_item_customer_id_customer FOREIGN KEY (customer_id) REFERENCES customer(id);
ALTER TABLE ONLY before_run_position
    ADD CONSTRAINT before_fk_run_position_assignment_id_assignment FOREIGN KEY (assignment_id) REFERENCES assignment(id) ON DELETE CASCADE;
ALTER TABLE ONLY before_run_position
    ADD CONSTRAINT before_fk_run_position_run_id_run FOREIGN KEY (run_id) REFERENCES run(id);
ALTER TABLE ONLY before_run_position
    ADD CONSTRAINT before_fk_run_position_undo_id_run_undo FOREIGN KEY (undo_id) REFERENCES run_undo(id);
