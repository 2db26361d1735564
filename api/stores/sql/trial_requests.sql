-- Decisions on a department's requests since a moment, in the order of the log; of very many the newest.
WITH request AS MATERIALIZED (
    SELECT partition, created_at, (body ->> 'decided_seq')::bigint AS seq
    FROM card_authorization
    WHERE organization_id = %(organization_id)s
        AND department_id = %(department_id)s
        AND created_at >= %(since)s
        AND body ->> 'decided_seq' IS NOT NULL
    ORDER BY created_at DESC
    LIMIT %(rows_max)s
)
SELECT
    place.next_seq,
    (SELECT min(created_at) FROM request HAVING count(*) >= %(rows_max)s) AS oldest, -- of what was cut
    (
        SELECT coalesce(array_agg(d.record ORDER BY d.partition, d.seq), '{}')
        FROM request AS r
        JOIN decision AS d ON d.partition = r.partition AND d.seq = r.seq
        WHERE d.event_type = 'authorization.requested'
    ) AS records,
    (
        SELECT coalesce(array_agg(body::text ORDER BY card_id COLLATE "C"), '{}')
        FROM card
        WHERE organization_id = %(organization_id)s AND department_id = %(department_id)s
    ) AS cards
FROM (SELECT 1) AS always
LEFT JOIN sink_position AS place
    ON place.sink = 'ledger' AND place.partition = %(partition)s
