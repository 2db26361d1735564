-- Purchases without the receipt that the policy wants, of whom the caller reaches; the longest missing first.
SELECT coalesce(json_agg(found ORDER BY found.missing_since, found.authorization_id, found.department_id), '[]') AS missing
FROM (
    SELECT m.department_id, m.authorization_id, m.currency, m.amount AS minor, m.created_at, m.missing_since, m.employee,
        m.card_id, coalesce(n.name, m.merchant_key) AS merchant, coalesce(r.times, 0) AS reminders, r.reminded_at
    FROM receipt_missing AS m
    LEFT JOIN merchant AS n USING (organization_id, merchant_key)
    LEFT JOIN receipt_reminder AS r USING (organization_id, department_id, authorization_id)
    WHERE m.organization_id = %(organization_id)s
        AND (%(everything)s OR m.employee = ANY(%(own)s::text[]) OR m.department_id = ANY(%(departments)s::text[]))
        AND (%(employee)s::text IS NULL OR m.employee = %(employee)s)
        AND (%(after_at)s::timestamptz IS NULL
            OR (m.missing_since, m.authorization_id, m.department_id) > (%(after_at)s, %(after_id)s, %(after_department)s))
    ORDER BY m.missing_since, m.authorization_id, m.department_id
    LIMIT %(rows_max)s
) AS found
