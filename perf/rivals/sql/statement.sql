-- The same decision in one statement with one look-up less: the unique keys find what exists already. It
-- answers what is new and what is repeated as it was; no row: the caller asks decide_request, which knows the
-- rest (another content, another currency, a new month, an unknown department).
PREPARE decide_statement(
    text, text, text, text, text, text, text, text, text, bigint, text, timestamptz
) AS
WITH budget AS MATERIALIZED (
    SELECT b.limit_minor, p.posted, p.held, p.period
    FROM department_budget b
    JOIN budget_period p USING (organization_id, department_id)
    WHERE b.organization_id = $2 AND b.department_id = $3 AND b.currency = $11
      AND p.period = to_char($12 AT TIME ZONE b.time_zone, 'YYYY-MM')
      AND $12 <= now() + interval '1 day' AND $12 >= '2000-01-01+00'
    FOR UPDATE OF p
), decided AS (
    INSERT INTO card_authorization
    SELECT $2, $3, $4, $1, $5, $6, $7, $8, $9, $10, $11, period, $12, now(),
           CASE WHEN posted + held + $10 > limit_minor THEN 'declined' ELSE 'approved' END,
           CASE WHEN posted + held + $10 > limit_minor THEN 'budget_exceeded' END,
           limit_minor, posted, held
    FROM budget
    ON CONFLICT DO NOTHING
    RETURNING outcome, reason, limit_minor, posted, held, amount, period
), moved AS (
    UPDATE budget_period p SET held = p.held + d.amount
    FROM decided d
    WHERE p.organization_id = $2 AND p.department_id = $3 AND p.period = d.period AND d.outcome = 'approved'
)
SELECT outcome, reason, limit_minor, posted, held, amount AS requested, false AS repeated FROM decided
UNION ALL
SELECT outcome, reason, limit_minor, posted, held, amount, true
FROM card_authorization
WHERE organization_id = $2 AND department_id = $3 AND event_id = $1
  AND (authorization_id, card_id, cardholder, merchant, mcc, country, amount, currency)
      IS NOT DISTINCT FROM ($4, $5, $6, $7, $8, $9, $10, $11)
  AND NOT EXISTS (SELECT FROM decided);
