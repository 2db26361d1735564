INSERT INTO api_key (id, organization_id, name, actor, prefix, key_sha256, scopes)
VALUES (%(id)s, %(organization_id)s, %(name)s, %(actor)s, %(prefix)s, %(key_sha256)s, %(scopes)s)
RETURNING id, organization_id, name, actor, prefix, scopes, created_at, revoked_at, expires_at, last_used_at, created_by,
    replaced_by
