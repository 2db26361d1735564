-- A page of an organization's cases, with who looks into each. One index scan for each status and, where they are
-- named, department, each to the first rows of its own; the first of all are the page.
SELECT
    (SELECT next_seq FROM sink_position WHERE sink = 'ledger' AND partition = %(partition)s) AS next_seq,
    (
        SELECT coalesce(json_agg(found ORDER BY /* order of found */), '[]')
        FROM (
            SELECT one.*, s.assignee, s.assigned_by, s.assigned_at
            FROM unnest(%(statuses)s::text[]) AS of_status (value)
            CROSS JOIN LATERAL (
                SELECT a.body::text AS body, a.created_at, a.score, a.authorization_id, a.department_id
                FROM card_authorization AS a
                WHERE a.organization_id = %(organization_id)s AND a.case_status = of_status.value/* conditions */
                ORDER BY /* order of a */
                LIMIT %(rows_max)s
            ) AS one
            LEFT JOIN case_assignment AS s
                ON s.organization_id = %(organization_id)s AND s.authorization_id = one.authorization_id
                AND s.department_id = one.department_id
            ORDER BY /* order of one */
            LIMIT %(rows_max)s
        ) AS found
    ) AS cases
