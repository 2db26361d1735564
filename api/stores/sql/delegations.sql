-- Who stands in for whom in an organization, or in some of its departments: what is not over.
SELECT
    (SELECT next_seq FROM sink_position WHERE sink = 'ledger' AND partition = %(partition)s) AS next_seq,
    (
        SELECT coalesce(json_agg(found ORDER BY found.absent COLLATE "C", found.department_id COLLATE "C"), '[]')
        FROM (
            SELECT department_id, absent, delegate, starts_at, until, set_by, partition, seq
            FROM delegation
            WHERE organization_id = %(organization_id)s
                AND (%(departments)s::text[] IS NULL OR department_id = ANY(%(departments)s::text[]))
                AND (%(absent)s::text IS NULL OR absent = %(absent)s)
                AND ended_at IS NULL AND until > now()
                AND (%(after)s::text IS NULL OR (absent COLLATE "C", department_id COLLATE "C")
                    > (%(after)s, %(after_department)s::text))
            ORDER BY absent COLLATE "C", department_id COLLATE "C"
            LIMIT %(rows_max)s
        ) AS found
    ) AS delegations
