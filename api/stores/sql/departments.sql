-- A page of an organization's departments by id, or one of them: each with its own budget's terms, its cards, and
-- where its log is.
SELECT
    (SELECT next_seq FROM sink_position WHERE sink = 'ledger' AND partition = %(partition)s) AS next_seq,
    (
        SELECT coalesce(json_agg(found ORDER BY found.department_id COLLATE "C"), '[]')
        FROM (
            SELECT budget.department_id, budget.name, budget.currency, budget.time_zone, budget.partition, budget.seq,
                (
                    SELECT count(*)
                    FROM card
                    WHERE card.organization_id = budget.organization_id
                        AND card.department_id = budget.department_id
                ) AS cards
            FROM budget
            WHERE budget.organization_id = %(organization_id)s
                AND budget.budget_id = 'department'
                AND (%(department_id)s::text IS NULL OR budget.department_id = %(department_id)s)
                AND (%(after)s::text IS NULL OR budget.department_id COLLATE "C" > %(after)s)
            ORDER BY budget.department_id COLLATE "C"
            LIMIT %(rows_max)s
        ) AS found
    ) AS departments
