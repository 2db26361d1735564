-- What no movement was found for: a line that repeats one, one that the books lack, or one that cannot be used.
WITH line AS (
    SELECT * FROM settlement_item
    WHERE organization_id = %(organization_id)s AND file_id = %(file_id)s AND number IS NOT NULL AND result IS NULL
), twin AS (
    SELECT DISTINCT ON (line.n) line.n, other.file_id AS twin_file_id, other.n AS twin_n
    FROM line
    JOIN settlement_item AS other
        ON other.organization_id = line.organization_id AND other.active AND other.number IS NOT NULL
        AND other.unreadable IS NULL
        AND (other.minor, other.currency, other.refund) = (line.minor, line.currency, line.refund)
        AND (other.result IN ('matched', 'differs') OR other.resolution IS NOT NULL
            OR (other.file_id = line.file_id AND other.n < line.n))
        AND (other.file_id, other.n) <> (line.file_id, line.n)
    WHERE line.unreadable IS NULL
        AND CASE
            WHEN line.reference IS NOT NULL THEN other.reference = line.reference
            ELSE other.reference IS NULL
                AND (other.day, other.bought, other.card_id, other.merchant_key, other.authorization_id)
                    IS NOT DISTINCT FROM (line.day, line.bought, line.card_id, line.merchant_key, line.authorization_id)
                AND line.card_id IS NOT NULL AND line.merchant_key IS NOT NULL
        END
    ORDER BY line.n, other.file_id = line.file_id DESC, other.n
)
UPDATE settlement_item AS item
SET twin_file_id = twin.twin_file_id, twin_n = twin.twin_n,
    result = CASE
        WHEN line.unreadable IS NOT NULL THEN 'unreadable' WHEN twin.n IS NOT NULL THEN 'duplicate' ELSE 'missing_here'
    END
FROM line LEFT JOIN twin USING (n)
WHERE item.organization_id = line.organization_id AND item.file_id = line.file_id AND item.n = line.n
