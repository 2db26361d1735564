-- All departments of an organization: those that have a budget of their own.
SELECT
    place.next_seq,
    (
        SELECT coalesce(json_agg(found.department_id ORDER BY found.department_id COLLATE "C"), '[]')
        FROM (
            SELECT department_id
            FROM budget
            WHERE organization_id = %(organization_id)s AND budget_id = 'department'
            ORDER BY department_id COLLATE "C"
            LIMIT %(rows_max)s
        ) AS found
    ) AS departments
FROM (SELECT 1) AS always
LEFT JOIN sink_position AS place
    ON place.sink = 'ledger' AND place.partition = %(partition)s
