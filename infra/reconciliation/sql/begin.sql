-- What is open is found anew; what was matched or resolved stays. A file that is replaced gives its bookings back.
WITH file AS (
    SELECT * FROM settlement_file
    WHERE organization_id = %(organization_id)s AND file_id = %(file_id)s
), replaced AS (
    UPDATE settlement_file AS old SET status = 'replaced' FROM file
    WHERE old.organization_id = file.organization_id AND old.file_id = file.replaces
    RETURNING old.organization_id, old.file_id
), freed AS (
    UPDATE settlement_item AS item SET active = false FROM replaced
    WHERE item.organization_id = replaced.organization_id AND item.file_id = replaced.file_id
        AND item.active
), reopened AS (
    UPDATE settlement_item AS item SET resolution = NULL, reason = NULL, resolved_by = NULL, resolved_at = NULL
    FROM replaced
    JOIN settlement_item AS settles
        ON settles.organization_id = replaced.organization_id AND settles.file_id = replaced.file_id
    WHERE item.organization_id = settles.organization_id AND item.file_id <> settles.file_id AND item.active
        AND item.partition = settles.partition AND item.seq = settles.seq
        AND item.result = 'missing_there' AND item.resolution = 'matched_later'
), dropped AS (
    DELETE FROM settlement_item AS item USING file
    WHERE item.organization_id = file.organization_id AND item.file_id = file.file_id
        AND item.number IS NULL AND item.is_open AND item.resolution IS NULL
)
UPDATE settlement_item AS item
SET result = NULL, differences = '{}', partition = NULL, seq = NULL, booked_minor = NULL, booked_currency = NULL,
    booked_day = NULL, twin_file_id = NULL, twin_n = NULL, matched_by = NULL
FROM file
WHERE item.organization_id = file.organization_id AND item.file_id = file.file_id
    AND item.number IS NOT NULL AND item.is_open AND item.resolution IS NULL
