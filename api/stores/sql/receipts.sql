-- Receipts that the caller reaches, newest first; with `receipt_id` that one.
SELECT coalesce(json_agg(found ORDER BY found.uploaded_at DESC, found.receipt_id DESC), '[]') AS receipts
FROM (
    SELECT r.receipt_id, r.status, r.file_name, f.media_type, f.pages, r.sent_bytes, r.sha256, r.employee,
        r.uploaded_by, r.uploaded_at, r.read_at, r.fault, r.reading, r.suggestions, r.department_id,
        r.authorization_id, r.linked_by, r.linked_at, r.duplicate_of,
        a.amount AS purchase_minor, a.currency AS purchase_currency, (
            SELECT coalesce(json_agg(json_build_object('department_id', p.department_id,
                'authorization_id', p.authorization_id, 'merchant', coalesce(n.name, p.merchant_key),
                'amount', json_build_object('minor', p.amount, 'currency', p.currency), 'created_at', p.created_at,
                'card_id', p.card_id, 'last_four', c.body ->> 'last_four',
                'employee', coalesce(c.employee, p.cardholder))), '[]')
            FROM (
                SELECT r.department_id, r.authorization_id
                UNION
                SELECT one ->> 'department_id', one ->> 'authorization_id' FROM jsonb_array_elements(r.suggestions) AS one
            ) AS named
            JOIN card_authorization AS p
                ON p.organization_id = r.organization_id AND p.authorization_id = named.authorization_id
                AND p.department_id = named.department_id
            LEFT JOIN merchant AS n
                ON n.organization_id = p.organization_id AND n.merchant_key = p.merchant_key
            LEFT JOIN card AS c
                ON c.organization_id = p.organization_id AND c.department_id = p.department_id
                AND c.card_id = p.card_id
        ) AS purchases
    FROM receipt AS r
    JOIN receipt_file AS f USING (organization_id, sha256)
    LEFT JOIN card_authorization AS a
        ON a.organization_id = r.organization_id AND a.authorization_id = r.authorization_id
        AND a.department_id = r.department_id
    WHERE r.organization_id = %(organization_id)s
        AND (%(everything)s OR r.employee = ANY(%(own)s::text[]) OR r.uploaded_by = ANY(%(own)s::text[])
            OR r.department_id = ANY(%(departments)s::text[]))
        AND (%(receipt_id)s::text IS NULL OR r.receipt_id = %(receipt_id)s)
        AND (%(status)s::text IS NULL OR r.status = %(status)s)
        AND (%(employee)s::text IS NULL OR r.employee = %(employee)s)
        AND (%(department_id)s::text IS NULL OR r.department_id = %(department_id)s)
        AND (%(authorization_id)s::text IS NULL OR r.authorization_id = %(authorization_id)s)
        AND (%(before_at)s::timestamptz IS NULL
            OR (r.uploaded_at, r.receipt_id) < (%(before_at)s, %(before_id)s))
    ORDER BY r.uploaded_at DESC, r.receipt_id DESC
    LIMIT %(rows_max)s
) AS found
