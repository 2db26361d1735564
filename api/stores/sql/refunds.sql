-- A page of an organization's refunds by id, or those with one id.
SELECT
    (SELECT next_seq FROM sink_position WHERE sink = 'ledger' AND partition = %(partition)s) AS next_seq,
    (
        SELECT coalesce(json_agg(found ORDER BY found.refund_id, found.department_id), '[]')
        FROM (
            SELECT department_id, refund_id, authorization_id, card_id, currency, amount, undone, occurred_at,
                partition, seq
            FROM refund
            WHERE organization_id = %(organization_id)s
                AND (%(id)s::text IS NULL OR refund_id = %(id)s)
                AND (%(department_id)s::text IS NULL OR department_id = %(department_id)s)
                AND (%(after)s::text IS NULL OR (refund_id, department_id) > (%(after)s, %(after_department)s::text))
            ORDER BY refund_id, department_id
            LIMIT %(rows_max)s
        ) AS found
    ) AS rows
