-- Lines of the file that say the same as a movement, each with one: as many as both sides have, in their order.
WITH line AS (
    SELECT n, key, row_number() OVER (PARTITION BY key ORDER BY n) AS place, count(*) OVER (PARTITION BY key) AS many
    FROM (
        SELECT n, /* key of line */ AS key FROM settlement_item AS line
        WHERE organization_id = %(organization_id)s AND file_id = %(file_id)s AND number IS NOT NULL
            AND result IS NULL AND unreadable IS NULL/* and is not known */
    ) AS keyed
    WHERE array_position(key, NULL) IS NULL
), booked AS (
    SELECT partition, seq, key, row_number() OVER (PARTITION BY key ORDER BY at, partition, seq) AS place,
        count(*) OVER (PARTITION BY key) AS many
    FROM (
        SELECT partition, seq, at, /* key of movement */ AS key FROM movement WHERE NOT taken
    ) AS keyed
    WHERE array_position(key, NULL) IS NULL
), pair AS (
    SELECT line.n, booked.partition, booked.seq
    FROM line JOIN booked ON booked.key = line.key AND booked.place = line.place
    WHERE /* many or one */
), taken AS (
    UPDATE movement SET taken = true FROM pair
    WHERE movement.partition = pair.partition AND movement.seq = pair.seq
)
UPDATE settlement_item AS item
SET partition = movement.partition, seq = movement.seq, matched_by = %(matched_by)s,
    booked_minor = movement.minor, booked_currency = movement.currency, booked_day = movement.day,
    department_id = movement.department_id,
    differences = told.differences,
    result = CASE WHEN told.differences = '{}' THEN 'matched' ELSE 'differs' END
FROM pair
JOIN movement USING (partition, seq)
JOIN settlement_item AS of ON of.organization_id = %(organization_id)s AND of.file_id = %(file_id)s AND of.n = pair.n
CROSS JOIN LATERAL (
    SELECT array_remove(ARRAY[
        CASE WHEN (of.minor, of.refund) <> (movement.minor, movement.refund) THEN 'amount' END,
        CASE WHEN of.currency <> movement.currency THEN 'currency' END,
        CASE WHEN least(abs(of.day - movement.day), abs(of.bought - movement.day)) > %(days_max)s THEN 'day' END
    ], NULL) AS differences
) AS told
WHERE item.organization_id = %(organization_id)s AND item.file_id = %(file_id)s AND item.n = pair.n
