-- Pending, posted and available of a department's own budget in each of its periods, as they are now.
SELECT
    place.next_seq,
    own.currency,
    own.partition,
    (SELECT next_seq FROM sink_position WHERE sink = 'ledger' AND partition = own.partition) AS own_next_seq,
    (
        SELECT coalesce(json_agg(found ORDER BY found.period), '[]')
        FROM (
            SELECT period, limit_minor, posted_minor AS posted, held_minor AS pending,
                available_minor AS available
            FROM budget_period
            WHERE organization_id = own.organization_id
                AND department_id = own.department_id
                AND budget_id = own.budget_id
        ) AS found
    ) AS periods
FROM (SELECT 1) AS always
LEFT JOIN budget AS own
    ON own.organization_id = %(organization_id)s
    AND own.department_id = %(department_id)s
    AND own.budget_id = 'department'
LEFT JOIN sink_position AS place
    ON place.sink = 'ledger' AND place.partition = %(partition)s
