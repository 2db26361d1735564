-- The same from the bookings, as of a time or after a decision: it reads all of the department's transfers.
SELECT
    place.next_seq,
    own.currency,
    own.partition,
    (SELECT next_seq FROM sink_position WHERE sink = 'ledger' AND partition = own.partition) AS own_next_seq,
    (
        SELECT coalesce(json_agg(found ORDER BY found.period), '[]')
        FROM department_balances(
            %(organization_id)s,
            %(department_id)s,
            coalesce(%(recorded_by)s::timestamptz, 'infinity'),
            coalesce(%(occurred_by)s::timestamptz, 'infinity'),
            %(up_to)s::bigint
        ) AS found
    ) AS periods
FROM (SELECT 1) AS always
LEFT JOIN budget AS own
    ON own.organization_id = %(organization_id)s
    AND own.department_id = %(department_id)s
    AND own.budget_id = 'department'
LEFT JOIN sink_position AS place
    ON place.sink = 'ledger' AND place.partition = %(partition)s
