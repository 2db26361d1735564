INSERT INTO receipt_policy (organization_id, currency, over_minor, days, set_by)
VALUES (%(organization_id)s, %(currency)s, %(over_minor)s, %(days)s, %(actor)s)
ON CONFLICT (organization_id, currency) DO UPDATE
SET over_minor = excluded.over_minor, days = excluded.days, set_by = excluded.set_by
RETURNING currency
