-- migrate:up

-- What the schemas and the core bound, held here a second time, whoever writes: docs/limits.md, from
-- schemas/stored.py. A text's length is in characters, an amount in minor units.
DO $$
DECLARE
    bound record;
    measure text;
BEGIN
    FOR bound IN SELECT * FROM (VALUES
        ('decision', 'organization_id', 1, 64),
        ('decision', 'department_id', 1, 64),
        ('decision', 'event_type', 1, 64),
        ('decision', 'event_id', 1, 128),
        ('decision', 'authorization_id', 1, 128),
        ('decision', 'card_id', 1, 128),
        ('decision', 'outcome', 1, 64),
        ('decision', 'reason', 1, 64),
        ('decision', 'review', 1, 64),
        ('decision', 'amount', 0, 9000000000000000),
        ('decision', 'currency', 3, 3),
        ('decision', 'actor', 0, 200),
        ('decision', 'hash', 64, 64),
        ('decision', 'record', 1, 1048588),
        ('transfer', 'organization_id', 1, 64),
        ('transfer', 'department_id', 1, 64),
        ('transfer', 'authorization_id', 1, 128),
        ('transfer', 'debit_account', 1, 160),
        ('transfer', 'credit_account', 1, 160),
        ('transfer', 'amount', 1, 9000000000000000),
        ('transfer', 'period', 1, 10),
        ('account', 'name', 1, 160),
        ('account', 'organization_id', 1, 64),
        ('account', 'department_id', 1, 64),
        ('card_authorization', 'organization_id', 1, 64),
        ('card_authorization', 'department_id', 1, 64),
        ('card_authorization', 'authorization_id', 1, 128),
        ('card_authorization', 'status', 1, 64),
        ('card_authorization', 'currency', 3, 3),
        ('card_authorization', 'card_id', 1, 128),
        ('card_authorization', 'requested', 0, 1000000000000000),
        ('card_authorization', 'authorized', 0, 1000000000000000),
        ('card_authorization', 'held', 0, 9000000000000000),
        ('budget', 'organization_id', 1, 64),
        ('budget', 'department_id', 1, 64),
        ('budget', 'budget_id', 1, 220),
        ('budget', 'subject', 1, 128),
        ('budget', 'name', 1, 100),
        ('budget', 'currency', 3, 3),
        ('budget', 'limit_minor', 0, 1000000000000000),
        ('budget', 'tolerance_minor', 0, 1000000000000000),
        ('budget', 'time_zone', 1, 64),
        ('budget', 'start_day', 1, 28),
        ('budget', 'start_month', 1, 12),
        ('budget_increase', 'organization_id', 1, 64),
        ('budget_increase', 'department_id', 1, 64),
        ('budget_increase', 'budget_id', 1, 220),
        ('budget_increase', 'amount', 1, 1000000000000000),
        ('increase_request', 'organization_id', 1, 64),
        ('increase_request', 'department_id', 1, 64),
        ('increase_request', 'request_id', 1, 128),
        ('increase_request', 'budget_id', 1, 220),
        ('increase_request', 'currency', 3, 3),
        ('increase_request', 'amount', 1, 1000000000000000),
        ('increase_request', 'asked_by', 0, 200),
        ('increase_request', 'reason', 0, 200),
        ('increase_request', 'refused_by', 0, 200),
        ('increase_request', 'refusal_reason', 0, 200),
        ('budget_period', 'organization_id', 1, 64),
        ('budget_period', 'department_id', 1, 64),
        ('budget_period', 'budget_id', 1, 270),
        ('budget_period', 'period', 0, 200),
        ('budget_period', 'limit_minor', 0, 9000000000000000),
        ('budget_period', 'posted_minor', -9000000000000000, 9000000000000000),
        ('budget_period', 'held_minor', 0, 9000000000000000),
        ('limit_change', 'organization_id', 1, 64),
        ('limit_change', 'department_id', 1, 64),
        ('limit_change', 'period', 1, 10),
        ('limit_change', 'limit_minor', 0, 9000000000000000),
        ('policy_version', 'organization_id', 1, 64),
        ('policy_version', 'department_id', 1, 64),
        ('card', 'organization_id', 1, 64),
        ('card', 'department_id', 1, 64),
        ('card', 'card_id', 1, 128),
        ('card', 'employee', 0, 200),
        ('card', 'team', 1, 64),
        ('refund', 'organization_id', 1, 64),
        ('refund', 'department_id', 1, 64),
        ('refund', 'refund_id', 1, 128),
        ('refund', 'authorization_id', 1, 128),
        ('refund', 'card_id', 1, 128),
        ('refund', 'currency', 3, 3),
        ('dispute', 'organization_id', 1, 64),
        ('dispute', 'department_id', 1, 64),
        ('dispute', 'dispute_id', 1, 128),
        ('dispute', 'authorization_id', 1, 128),
        ('dispute', 'currency', 3, 3),
        ('dispute', 'amount', 1, 1000000000000000),
        ('company_cap', 'organization_id', 1, 64),
        ('company_cap', 'currency', 3, 3),
        ('company_cap', 'limit_minor', 0, 1000000000000000),
        ('company_cap', 'time_zone', 1, 64),
        ('company_cap', 'start_day', 1, 28),
        ('company_cap', 'start_month', 1, 12),
        ('lease', 'organization_id', 1, 64),
        ('lease', 'department_id', 1, 64),
        ('lease', 'period', 0, 200),
        ('lease', 'asked_minor', 0, 1000000000000000),
        ('department_tick', 'organization_id', 1, 64),
        ('department_tick', 'department_id', 1, 64)
    ) AS b (table_name, column_name, least, most) LOOP
        SELECT CASE WHEN atttypid = 'text'::regtype THEN 'length(%I)' ELSE '%I' END INTO measure
        FROM pg_attribute WHERE attrelid = bound.table_name::regclass AND attname = bound.column_name;
        EXECUTE format(
            'ALTER TABLE %I ADD CONSTRAINT %I CHECK (' || measure || ' BETWEEN %s AND %s)',
            bound.table_name, bound.table_name || '_' || bound.column_name || '_bound',
            bound.column_name, bound.least, bound.most);
    END LOOP;
END
$$;

-- What the amounts of one payment, refund or lease come to over all lives of its id (it is forgotten, and may
-- come again) stays within a bigint: 9 * 10^15 a life, 90 days each. Refunds of a payment that is not known are
-- counted in no payment, so only their periods bound them; a period may be a day.
ALTER TABLE card_authorization ALTER COLUMN refunded TYPE numeric(24);
ALTER TABLE card_authorization
    ADD CONSTRAINT card_authorization_totals CHECK (posted >= 0 AND refunded >= 0 AND disputed >= 0);
ALTER TABLE refund ADD CONSTRAINT refund_amount CHECK (amount > 0);
-- All other currencies are those of a budget or a cap.
ALTER TABLE budget ADD CONSTRAINT budget_currency_code CHECK (currency ~ '^[A-Z]{3}$');
ALTER TABLE company_cap ADD CONSTRAINT company_cap_currency_code CHECK (currency ~ '^[A-Z]{3}$');

-- The sum of what several departments moved on a company's account knows no bound but numeric's.
DROP FUNCTION account_balances;
CREATE FUNCTION account_balances(
    recorded_by  timestamptz DEFAULT 'infinity',
    occurred_by  timestamptz DEFAULT 'infinity',
    in_partition integer DEFAULT NULL,
    up_to        bigint DEFAULT NULL
) RETURNS TABLE (account text, layer text, currency text, balance numeric, entries bigint)
LANGUAGE sql STABLE AS $$
    SELECT e.account, e.layer, e.currency, sum(e.amount), count(*)
    FROM entry e
    WHERE e.recorded_at <= recorded_by
        AND coalesce(e.occurred_at, e.recorded_at) <= occurred_by
        AND (in_partition IS NULL OR e.partition = in_partition)
        AND (up_to IS NULL OR e.seq <= up_to)
    GROUP BY e.account, e.layer, e.currency
$$;
COMMENT ON FUNCTION account_balances IS
    'balances (debits less credits) of all accounts. recorded_by: as the log knew it then (the broker''s clock, '
    'later arrivals left out). occurred_by: as it was then, later arrivals included. in_partition, up_to: after '
    'that decision; a position says nothing of other partitions, in which a company''s accounts also move';

DROP VIEW account_balance, trial_balance;
CREATE VIEW account_balance AS
SELECT account, layer, currency, sum(amount) AS balance, count(*) AS entries
FROM entry
GROUP BY account, layer, currency;
CREATE VIEW trial_balance AS
SELECT e.currency, coalesce(a.layer, 'not opened') AS layer, sum(e.amount) AS total, count(*) AS entries
FROM entry e
LEFT JOIN account a ON a.name = e.account
GROUP BY e.currency, coalesce(a.layer, 'not opened');
COMMENT ON VIEW trial_balance IS 'total must be 0 in every row, and no account may be missing';
GRANT SELECT ON account_balance, trial_balance TO spendlog_api, spendlog_auditor;

-- migrate:down

-- Sums stay numeric: whoever read a bigint reads those, too.
DO $$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT conrelid::regclass AS owner, conname FROM pg_constraint
        WHERE contype = 'c' AND connamespace = 'public'::regnamespace
            AND (conname ~ '_(bound|currency_code)$' OR conname IN ('card_authorization_totals', 'refund_amount'))
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', found.owner, found.conname);
    END LOOP;
END
$$;
ALTER TABLE card_authorization ALTER COLUMN refunded TYPE bigint;
