-- Purchases without the receipt that the policy wants, of whom the caller reaches; the longest missing first. Of each
-- currency with a policy they are found in that order by an index, at most as many as are asked for.
SELECT coalesce(json_agg(found ORDER BY found.missing_since, found.authorization_id, found.department_id), '[]') AS missing
FROM (
    SELECT m.department_id, m.authorization_id, a.currency, a.amount AS minor, m.created_at, m.missing_since,
        coalesce(c.employee, a.cardholder) AS employee, a.card_id, coalesce(n.name, a.merchant_key) AS merchant,
        coalesce(r.times, 0) AS reminders, r.reminded_at
    FROM receipt_policy AS p
    CROSS JOIN LATERAL (
        /* branches */
    ) AS m
    JOIN card_authorization AS a
        ON a.organization_id = m.organization_id AND a.authorization_id = m.authorization_id
        AND a.department_id = m.department_id
    LEFT JOIN card AS c
        ON c.organization_id = a.organization_id AND c.department_id = a.department_id AND c.card_id = a.card_id
    LEFT JOIN merchant AS n ON n.organization_id = a.organization_id AND n.merchant_key = a.merchant_key
    LEFT JOIN receipt_reminder AS r
        ON r.organization_id = a.organization_id AND r.department_id = a.department_id
        AND r.authorization_id = a.authorization_id
    WHERE p.organization_id = %(organization_id)s
    ORDER BY m.missing_since, m.authorization_id, m.department_id
    LIMIT %(rows_max)s
) AS found
