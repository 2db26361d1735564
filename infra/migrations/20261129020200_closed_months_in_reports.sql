-- migrate:up

-- The close of a month counts a booking in the month in which it counts: who reads reports reads what is closed.
GRANT SELECT ON period_close TO spendlog_questions;
CREATE POLICY questions ON period_close FOR SELECT TO spendlog_questions
    USING (organization_id = (SELECT current_setting('spendlog.organization', true)));

-- migrate:down

DROP POLICY questions ON period_close;
REVOKE SELECT ON period_close FROM spendlog_questions;
