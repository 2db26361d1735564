-- A page of a file's items, or of all that is open; or one of them. `known`: whether there is such a file.
SELECT
    EXISTS (
        SELECT 1 FROM settlement_file WHERE organization_id = %(organization_id)s AND file_id = %(file_id)s
    ) AS known,
    (
        SELECT coalesce(json_agg(found ORDER BY found.file_id, found.n), '[]')
        FROM (
            SELECT file_id, n, number, refund, minor, currency, day, bought, reference, authorization_id, card_id,
                coalesce(merchant, merchant_key) AS merchant, unreadable, active, result, differences, matched_by,
                partition, seq, booked_minor, booked_currency, booked_day, department_id, twin_file_id, twin_n,
                resolution, reason, resolved_by, resolved_at, resolved_seq, is_open
            FROM settlement_item
            WHERE organization_id = %(organization_id)s
                AND (%(file_id)s::text IS NULL OR file_id = %(file_id)s)
                AND (%(n)s::integer IS NULL OR n = %(n)s)
                AND (%(result)s::text IS NULL OR result = %(result)s)
                AND (%(open)s::boolean IS NULL OR is_open = %(open)s)
                AND (%(after_n)s::integer IS NULL OR (file_id, n) > (%(after_file)s::text, %(after_n)s::integer))
            ORDER BY file_id, n
            LIMIT %(rows_max)s
        ) AS found
    ) AS items
