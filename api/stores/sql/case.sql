-- One case, with who looks into it. An id may stand in two departments: the later one.
SELECT
    (SELECT next_seq FROM sink_position WHERE sink = 'ledger' AND partition = %(partition)s) AS next_seq,
    (
        SELECT row_to_json(found)
        FROM (
            SELECT a.body::text AS body, s.assignee, s.assigned_by, s.assigned_at
            FROM card_authorization AS a
            LEFT JOIN case_assignment AS s USING (organization_id, authorization_id, department_id)
            WHERE a.organization_id = %(organization_id)s AND a.authorization_id = %(authorization_id)s
                AND (%(departments)s::text[] IS NULL OR a.department_id = ANY(%(departments)s::text[]))
                AND a.case_status IS NOT NULL
            ORDER BY a.updated_at DESC NULLS LAST
            LIMIT 1
        ) AS found
    ) AS found
