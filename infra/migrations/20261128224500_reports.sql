-- migrate:up

-- Reports are sums of bookings: who answers questions may read them, one organization's.
GRANT SELECT ON transfer TO spendlog_questions;
CREATE POLICY questions ON transfer FOR SELECT TO spendlog_questions
    USING (organization_id = (SELECT current_setting('spendlog.organization', true)));

-- migrate:down

DROP POLICY questions ON transfer;
REVOKE SELECT ON transfer FROM spendlog_questions;
