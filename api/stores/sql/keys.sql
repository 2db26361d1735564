-- A page of an organization's keys, newest first, or one of them.
SELECT coalesce(json_agg(found ORDER BY found.created_at DESC, found.id DESC), '[]') AS keys
FROM (
    SELECT id, name, actor, prefix, scopes, created_at, created_by, expires_at, last_used_at, revoked_at, replaced_by
    FROM api_key
    WHERE organization_id = %(organization_id)s
        AND (%(key_id)s::text IS NULL OR id = %(key_id)s)
        AND (%(seen_at)s::timestamptz IS NULL OR (created_at, id) < (%(seen_at)s, %(seen_id)s))
        AND (%(active)s::boolean IS NULL
            OR %(active)s = (revoked_at IS NULL AND coalesce(expires_at, 'infinity') > now()))
    ORDER BY created_at DESC, id DESC
    LIMIT %(rows_max)s
) AS found
