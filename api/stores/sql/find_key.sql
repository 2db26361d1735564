SELECT id, organization_id, name, actor, prefix, scopes, created_at, revoked_at, expires_at, last_used_at, created_by,
    replaced_by
FROM access_key(%(sha256)s)
