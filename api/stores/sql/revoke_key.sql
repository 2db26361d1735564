UPDATE api_key
SET revoked_at = coalesce(revoked_at, now())
WHERE id = %(key)s OR prefix = %(key)s
RETURNING id, organization_id, name, actor, prefix, scopes, created_at, revoked_at, expires_at, last_used_at, created_by,
    replaced_by
