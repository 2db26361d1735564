INSERT INTO sign_on_policy (organization_id, required, break_glass_id)
VALUES (%(organization_id)s, %(required)s, %(break_glass)s)
ON CONFLICT (organization_id) DO UPDATE
SET required = excluded.required, break_glass_id = excluded.break_glass_id, changed_at = clock_timestamp()
RETURNING organization_id
