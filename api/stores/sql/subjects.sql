-- A page of the teams or employees (`level`) of an organization by name: those of cards, and those with a budget.
SELECT
    (SELECT next_seq FROM sink_position WHERE sink = 'ledger' AND partition = %(partition)s) AS next_seq,
    (
        SELECT coalesce(json_agg(found ORDER BY found.subject COLLATE "C"), '[]')
        FROM (
            SELECT subject, sum(cards)::int AS cards, array_agg(DISTINCT department_id) AS departments
            FROM (
                SELECT CASE %(level)s WHEN 'team' THEN team ELSE employee END AS subject, department_id, 1 AS cards
                FROM card
                WHERE organization_id = %(organization_id)s
                UNION ALL
                SELECT subject, department_id, 0
                FROM budget
                WHERE organization_id = %(organization_id)s AND level = %(level)s AND NOT removed
            ) AS named
            WHERE subject IS NOT NULL
                AND (%(department_id)s::text IS NULL OR department_id = %(department_id)s)
                AND (%(after)s::text IS NULL OR subject COLLATE "C" > %(after)s)
            GROUP BY subject
            ORDER BY subject COLLATE "C"
            LIMIT %(rows_max)s
        ) AS found
    ) AS subjects
