-- What another file lacked has come with this one, or was taken back since.
WITH later AS (
    UPDATE settlement_item AS item
    SET resolution = 'matched_later', resolved_at = now(), resolved_by = 'reconciliation',
        reason = 'settled by a line of ' || coalesce(settles.file_id, 'nothing: it was taken back')
    FROM settlement_item AS open
    LEFT JOIN LATERAL (
        SELECT file_id FROM settlement_item
        WHERE organization_id = open.organization_id AND active AND partition = open.partition AND seq = open.seq
            AND result <> 'missing_there'
        LIMIT 1
    ) AS settles ON true
    WHERE item.organization_id = open.organization_id AND item.file_id = open.file_id AND item.n = open.n
        AND open.organization_id = %(organization_id)s AND open.is_open AND open.resolution IS NULL AND open.result = 'missing_there'
        AND (settles.file_id IS NOT NULL OR EXISTS (
            SELECT 1 FROM movement
            WHERE movement.partition = open.partition AND movement.seq = open.seq AND movement.cancelled))
)
UPDATE settlement_file SET status = 'matched', matched_at = now()
WHERE organization_id = %(organization_id)s AND file_id = %(file_id)s
