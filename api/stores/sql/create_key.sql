-- No row: it is there already.
INSERT INTO api_key (id, organization_id, name, actor, prefix, key_sha256, scopes, expires_at, created_by)
VALUES (%(id)s, %(organization_id)s, %(name)s, %(actor)s, %(prefix)s, %(key_sha256)s, %(scopes)s, %(expires_at)s,
    %(created_by)s)
ON CONFLICT (id) DO NOTHING
RETURNING id, organization_id, name, actor, prefix, scopes, created_at, revoked_at, expires_at, last_used_at, created_by,
    replaced_by
