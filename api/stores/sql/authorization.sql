-- Position and row in one statement, so in one snapshot. An id may stand in two departments: the later one.
SELECT
    (SELECT next_seq FROM sink_position WHERE sink = 'ledger' AND partition = %(partition)s) AS next_seq,
    (
        SELECT body::text
        FROM card_authorization
        WHERE organization_id = %(organization_id)s
            AND authorization_id = %(authorization_id)s
            AND (%(department_id)s::text IS NULL OR department_id = %(department_id)s)
        ORDER BY updated_at DESC NULLS LAST
        LIMIT 1
    ) AS body
