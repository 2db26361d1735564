-- migrate:up

-- An organization's chart of accounts: rules in their order, each as the API takes them. No row: nobody has set one.
CREATE TABLE chart_of_accounts (
    organization_id text        NOT NULL PRIMARY KEY,
    rules           jsonb       NOT NULL CHECK (jsonb_typeof(rules) = 'array' AND jsonb_array_length(rules) <= 500),
    changed_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_by      text        NOT NULL CHECK (length(changed_by) BETWEEN 1 AND 200)
);
SELECT tenant_wall('chart_of_accounts');
GRANT SELECT, INSERT, UPDATE ON chart_of_accounts TO spendlog_api;
GRANT SELECT ON chart_of_accounts TO spendlog_auditor, spendlog_questions;
-- The close of a month adds up by the accounts of the chart.
CREATE POLICY questions ON chart_of_accounts FOR SELECT TO spendlog_questions
    USING (organization_id = (SELECT current_setting('spendlog.organization', true)));

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: charts of accounts would be lost'; END $$;
