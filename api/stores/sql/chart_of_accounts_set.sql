-- No row: it was changed since it was seen.
INSERT INTO chart_of_accounts (organization_id, rules, changed_by)
VALUES (%(organization_id)s, %(rules)s::jsonb, %(actor)s)
ON CONFLICT (organization_id) DO UPDATE
SET rules = excluded.rules, changed_by = excluded.changed_by, changed_at = clock_timestamp()
WHERE %(whatever)s OR chart_of_accounts.changed_at = %(seen)s::timestamptz
RETURNING organization_id
