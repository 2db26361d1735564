-- No row: it was changed since it was seen.
INSERT INTO sign_on_policy (organization_id, required, break_glass_id, second_factor)
VALUES (%(organization_id)s, %(required)s, %(break_glass)s, %(second_factor)s)
ON CONFLICT (organization_id) DO UPDATE
SET required = excluded.required, break_glass_id = excluded.break_glass_id, second_factor = excluded.second_factor,
    changed_at = clock_timestamp()
WHERE %(whatever)s OR sign_on_policy.changed_at = %(seen)s::timestamptz
RETURNING organization_id
