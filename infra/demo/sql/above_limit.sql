-- Approvals that took a department's month above its limit: must be none. From bookings and budgets alone,
-- in one pass: every hold is an approval, and the budget before it is the one that holds.
-- (Clearings may take a month there: networks settle more than was held, and that is posted and alerted.)
WITH step AS (
    SELECT organization_id, department_id, partition, seq, n, kind, period, authorization_id,
           CASE WHEN kind IN ('hold', 'clearing') THEN amount ELSE -amount END AS change, NULL::bigint AS new_limit
    FROM transfer
    UNION ALL
    SELECT organization_id, department_id, partition, seq, 0, 'budget', NULL, NULL, 0, amount
    FROM decision
    WHERE event_type = 'budget.set' AND outcome = 'accepted' AND duplicate_of IS NULL
), running AS (
    SELECT *,
           sum(change) OVER (PARTITION BY organization_id, department_id, period ORDER BY seq, n) AS used,
           count(new_limit) OVER (PARTITION BY organization_id, department_id ORDER BY seq, n) AS budget
    FROM step
), limited AS (
    SELECT *, max(new_limit) OVER (PARTITION BY organization_id, department_id, budget) AS limit_minor
    FROM running
)
SELECT organization_id, department_id, period, authorization_id, used::bigint, limit_minor
FROM limited
WHERE kind = 'hold' AND used > limit_minor
ORDER BY organization_id, department_id, partition, seq;
