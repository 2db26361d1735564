-- Bookings of the file's own days that no line settles; a posting and what takes it back are none.
INSERT INTO settlement_item (
    organization_id, file_id, n, refund, minor, currency, day, bought, authorization_id, card_id, merchant_key, result,
    partition, seq, booked_minor, booked_currency, booked_day, department_id)
SELECT
    %(organization_id)s, %(file_id)s,
    (SELECT max(n) FROM (
        SELECT n FROM settlement_item WHERE organization_id = %(organization_id)s AND file_id = %(file_id)s
        UNION ALL SELECT lines FROM settlement_file WHERE organization_id = %(organization_id)s AND file_id = %(file_id)s
    ) AS used) + row_number() OVER (ORDER BY m.at, m.partition, m.seq),
    m.refund, m.minor, m.currency, m.day, m.bought, m.authorization_id, m.card_id, m.merchant_key, 'missing_there',
    m.partition, m.seq, m.minor, m.currency, m.day, m.department_id
FROM movement m
JOIN settlement_file AS file ON file.organization_id = %(organization_id)s AND file.file_id = %(file_id)s
WHERE NOT m.taken AND NOT m.cancelled AND m.day BETWEEN file.since AND file.until
    AND NOT EXISTS (
        SELECT 1 FROM settlement_item i
        WHERE i.organization_id = %(organization_id)s AND i.active
            AND i.partition = m.partition AND i.seq = m.seq)
