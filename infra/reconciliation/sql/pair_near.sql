-- Lines and movements that agree in a key and lie few days apart, where each has no other that it could be.
WITH near AS (
    SELECT line.n, movement.partition, movement.seq, count(*) OVER (PARTITION BY line.n) AS of_line,
        count(*) OVER (PARTITION BY movement.partition, movement.seq) AS of_movement
    FROM settlement_item AS line
    JOIN movement ON NOT movement.taken
        AND /* key of line */ = /* key of movement */
        AND least(abs(line.day - movement.day), abs(line.bought - movement.day)) <= %(days_max)s
    WHERE line.organization_id = %(organization_id)s AND line.file_id = %(file_id)s AND line.number IS NOT NULL
        AND line.result IS NULL AND line.unreadable IS NULL/* and is not known */
        AND array_position(/* key of line */, NULL) IS NULL
), pair AS (
    SELECT n, partition, seq FROM near WHERE of_line = 1 AND of_movement = 1
), taken AS (
    UPDATE movement SET taken = true FROM pair
    WHERE movement.partition = pair.partition AND movement.seq = pair.seq
)
UPDATE settlement_item AS item
SET partition = movement.partition, seq = movement.seq, matched_by = %(matched_by)s,
    booked_minor = movement.minor, booked_currency = movement.currency, booked_day = movement.day,
    department_id = movement.department_id, result = 'matched'
FROM pair JOIN movement USING (partition, seq)
WHERE item.organization_id = %(organization_id)s AND item.file_id = %(file_id)s AND item.n = pair.n
