-- A page of some departments' requests for an increase by id, or one of them.
SELECT
    place.next_seq,
    EXISTS (
        SELECT 1
        FROM budget
        WHERE organization_id = %(organization_id)s
            AND department_id = ANY(%(departments)s::text[])
            AND budget_id = 'department'
    ) AS known,
    (
        SELECT coalesce(json_agg(found ORDER BY found.request_id COLLATE "C"), '[]')
        FROM (
            SELECT department_id, request_id, budget_id, currency, amount, starts_at, ends_at, asked_by, asked_at, reason,
                levels, approved_by, refused_by, refusal_reason, status, closed_at, partition, seq
            FROM increase_request
            WHERE organization_id = %(organization_id)s
                AND department_id = ANY(%(departments)s::text[])
                AND (%(request_id)s::text IS NULL OR request_id = %(request_id)s)
                AND (%(status)s::text IS NULL OR status = %(status)s)
                AND (%(after)s::text IS NULL OR request_id COLLATE "C" > %(after)s)
            ORDER BY request_id COLLATE "C"
            LIMIT %(rows_max)s
        ) AS found
    ) AS requests
FROM (SELECT 1) AS always
LEFT JOIN sink_position AS place
    ON place.sink = 'ledger' AND place.partition = %(partition)s
