-- What the organization wants a receipt of, by currency.
SELECT coalesce(json_agg(found ORDER BY found.currency), '[]') AS policies
FROM (
    SELECT currency, over_minor, days, set_by, set_at
    FROM receipt_policy
    WHERE organization_id = %(organization_id)s
) AS found
