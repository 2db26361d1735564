-- A page of registered cards by id, of an organization or of one department, or the cards with one id.
SELECT
    place.next_seq,
    EXISTS (
        SELECT 1
        FROM budget
        WHERE organization_id = %(organization_id)s
            AND department_id = %(department_id)s::text
            AND budget_id = 'department'
    ) AS known,
    (
        SELECT coalesce(
            json_agg(found ORDER BY found.card_id COLLATE "C", found.department_id COLLATE "C"), '[]')
        FROM (
            SELECT card.*
            FROM card
            WHERE organization_id = %(organization_id)s
                AND (%(department_id)s::text IS NULL OR department_id = %(department_id)s)
                AND (%(card_id)s::text IS NULL OR card_id COLLATE "C" = %(card_id)s)
                AND (%(status)s::text IS NULL OR status = %(status)s)
                AND (%(employee)s::text IS NULL OR employee = %(employee)s)
                AND (%(team)s::text IS NULL OR team = %(team)s)
                AND (%(after)s::text IS NULL
                    OR (card_id COLLATE "C", department_id COLLATE "C") > (%(after)s, %(after_department)s::text))
            ORDER BY card_id COLLATE "C", department_id COLLATE "C"
            LIMIT %(rows_max)s
        ) AS found
    ) AS cards
FROM (SELECT 1) AS always
LEFT JOIN sink_position AS place
    ON place.sink = 'ledger' AND place.partition = %(partition)s
