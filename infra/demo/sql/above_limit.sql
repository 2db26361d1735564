-- Approvals that took a department's own budget above its limit: must be none. From bookings and limits alone:
-- every hold is an approval, and the limit is the one that the period had at that decision.
-- (Clearings may take a period there: networks settle more than was held, and that is posted and alerted.)
WITH step AS (
    SELECT organization_id, department_id, partition, seq, n, kind, period, authorization_id,
           CASE
               WHEN kind IN ('hold', 'clearing', 'refund_reversal') THEN amount
               WHEN kind IN ('release', 'expiry', 'refund', 'dispute_won', 'correction') THEN -amount
               WHEN kind = 'fx_difference' AND debit_account LIKE '%:fx-difference' THEN amount
               WHEN kind = 'fx_difference' THEN -amount
               ELSE 0 -- provisional credits move no budget
           END AS change
    FROM transfer
    WHERE period IS NOT NULL
), running AS (
    SELECT *, sum(change) OVER (PARTITION BY organization_id, department_id, period ORDER BY seq, n) AS used
    FROM step
)
SELECT r.organization_id, r.department_id, r.period, r.authorization_id, r.used::bigint, l.limit_minor
FROM running r
LEFT JOIN LATERAL (
    SELECT c.limit_minor
    FROM limit_change c
    WHERE c.organization_id = r.organization_id AND c.department_id = r.department_id
        AND c.period = r.period AND c.seq <= r.seq
    ORDER BY c.seq DESC
    LIMIT 1
) l ON true
WHERE r.kind = 'hold' AND r.used > coalesce(l.limit_minor, 0)
ORDER BY r.organization_id, r.department_id, r.partition, r.seq;
