-- A page of a department's registered cards by id, or one card.
SELECT
    place.next_seq,
    EXISTS (
        SELECT 1
        FROM budget
        WHERE organization_id = %(organization_id)s
            AND department_id = %(department_id)s
            AND budget_id = 'department'
    ) AS known,
    (
        SELECT coalesce(json_agg(found ORDER BY found.card_id COLLATE "C"), '[]')
        FROM (
            SELECT card_id, body::text AS body, partition, seq
            FROM card
            WHERE organization_id = %(organization_id)s
                AND department_id = %(department_id)s
                AND (%(card_id)s::text IS NULL OR card_id = %(card_id)s)
                AND (%(after)s::text IS NULL OR card_id COLLATE "C" > %(after)s)
            ORDER BY card_id COLLATE "C"
            LIMIT %(rows_max)s
        ) AS found
    ) AS cards
FROM (SELECT 1) AS always
LEFT JOIN sink_position AS place
    ON place.sink = 'ledger' AND place.partition = %(partition)s
