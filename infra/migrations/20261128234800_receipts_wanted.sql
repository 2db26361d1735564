-- migrate:up

-- Above which amount a purchase needs a receipt, and after how many days it is missing. No row: of purchases in that
-- currency none is asked for.
CREATE TABLE receipt_policy (
    organization_id text        NOT NULL CHECK (length(organization_id) BETWEEN 1 AND 64),
    currency        text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    over_minor      bigint      NOT NULL CHECK (over_minor BETWEEN 0 AND 1000000000000000),
    days            integer     NOT NULL CHECK (days BETWEEN 0 AND 365),
    set_by          text        NOT NULL CHECK (length(set_by) BETWEEN 1 AND 200),
    set_at          timestamptz NOT NULL DEFAULT now(), -- purchases from before it are not asked for
    PRIMARY KEY (organization_id, currency)
);
COMMENT ON COLUMN receipt_policy.over_minor IS 'more than this: minor units';
SELECT tenant_wall('receipt_policy');
GRANT SELECT, INSERT, UPDATE, DELETE ON receipt_policy TO spendlog_api;
GRANT SELECT ON receipt_policy TO spendlog_auditor;

-- How often somebody was reminded of a missing receipt.
CREATE TABLE receipt_reminder (
    organization_id  text        NOT NULL CHECK (length(organization_id) BETWEEN 1 AND 64),
    department_id    text        NOT NULL CHECK (length(department_id) BETWEEN 1 AND 64),
    authorization_id text        NOT NULL CHECK (length(authorization_id) BETWEEN 1 AND 128),
    times            integer     NOT NULL CHECK (times BETWEEN 1 AND 100),
    reminded_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, authorization_id, department_id)
);
SELECT tenant_wall('receipt_reminder');
GRANT SELECT, INSERT, UPDATE, DELETE ON receipt_reminder TO spendlog_api;
GRANT SELECT ON receipt_reminder TO spendlog_auditor;

-- Settled or held purchases above the policy's amount whose days are over, and no receipt is linked.
CREATE VIEW receipt_missing WITH (security_invoker = true) AS
SELECT a.organization_id, a.department_id, a.authorization_id, a.currency, a.amount, a.created_at, a.merchant_key,
    coalesce(c.employee, a.cardholder) AS employee, a.card_id,
    a.created_at + make_interval(days => p.days) AS missing_since
FROM receipt_policy AS p
JOIN card_authorization AS a ON a.organization_id = p.organization_id AND a.currency = p.currency
LEFT JOIN card AS c
    ON c.organization_id = a.organization_id AND c.department_id = a.department_id AND c.card_id = a.card_id
WHERE a.amount > p.over_minor AND a.created_at >= p.set_at - interval '31 days'
    AND a.created_at < now() - make_interval(days => p.days)
    AND a.status IN ('cleared', 'partially_cleared', 'approved', 'partially_approved', 'disputed')
    AND NOT EXISTS (
        SELECT FROM receipt AS r
        WHERE r.organization_id = a.organization_id AND r.authorization_id = a.authorization_id
            AND r.department_id = a.department_id);
GRANT SELECT ON receipt_missing TO spendlog_api, spendlog_auditor;

-- Asks each organization with a policy to remind its people.
CREATE FUNCTION receipts_remind() RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT count(job_put(one.organization_id, 'receipts', 'remind', 'day', '{}'))
    FROM (SELECT DISTINCT organization_id FROM receipt_policy) AS one;
$$;
REVOKE ALL ON FUNCTION receipts_remind() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION receipts_remind() TO spendlog_jobs;

-- migrate:down

DROP FUNCTION receipts_remind();
DROP VIEW receipt_missing;
DROP TABLE receipt_reminder;
DROP TABLE receipt_policy;
