-- migrate:up

-- For the owner and superusers too. Statement level: it costs an insert nothing. ENABLE ALWAYS: also where
-- session_replication_role says replica.
CREATE FUNCTION refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION '% of % refused: append-only: correct with a compensating transfer', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON decision
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON transfer
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON account
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE decision ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE transfer ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE account ENABLE ALWAYS TRIGGER append_only;

-- Roles belong to the whole cluster: another database of it may have made them, perhaps at this moment.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['spendlog_sink', 'spendlog_api', 'spendlog_auditor'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END;
    END LOOP;
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO spendlog_sink', current_database());
END
$$;

GRANT USAGE ON SCHEMA public TO spendlog_sink, spendlog_api, spendlog_auditor;

GRANT SELECT, INSERT ON decision, transfer, account TO spendlog_sink;
GRANT SELECT, INSERT, UPDATE ON sink_position, card_authorization, department_budget, budget_period
    TO spendlog_sink;

GRANT SELECT ON decision, transfer, account, entry, account_balance, trial_balance, sink_position,
    card_authorization, department_budget, budget_period, api_key TO spendlog_api;

GRANT SELECT ON decision, transfer, account, entry, account_balance, trial_balance, sink_position,
    card_authorization, department_budget, budget_period TO spendlog_auditor;
GRANT SELECT (id, organization_id, name, prefix, scopes, created_at, revoked_at) ON api_key
    TO spendlog_auditor;

-- migrate:down

-- Forward only: going back would drop bookings.
DO $$ BEGIN RAISE EXCEPTION 'forward only: this migration holds the ledger and is not rolled back'; END $$;
