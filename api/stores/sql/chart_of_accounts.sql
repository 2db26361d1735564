-- Always a row. `changed_at`: null, nobody has set one.
SELECT coalesce(c.rules, '[]') AS rules, c.changed_at, c.changed_by
FROM (VALUES (%(organization_id)s::text)) AS asked (organization_id)
LEFT JOIN chart_of_accounts AS c USING (organization_id)
