-- A page of an organization's disputes by id, or those with one id.
SELECT
    (SELECT next_seq FROM sink_position WHERE sink = 'ledger' AND partition = %(partition)s) AS next_seq,
    (
        SELECT coalesce(json_agg(found ORDER BY found.dispute_id, found.department_id), '[]')
        FROM (
            SELECT department_id, dispute_id, authorization_id, status, currency, amount, provisional, opened_at,
                resolved_at, partition, seq
            FROM dispute
            WHERE organization_id = %(organization_id)s
                AND (%(id)s::text IS NULL OR dispute_id = %(id)s)
                AND (%(department_id)s::text IS NULL OR department_id = %(department_id)s)
                AND (%(status)s::text IS NULL OR status = %(status)s)
                AND (%(after)s::text IS NULL OR (dispute_id, department_id) > (%(after)s, %(after_department)s::text))
            ORDER BY dispute_id, department_id
            LIMIT %(rows_max)s
        ) AS found
    ) AS rows
