INSERT INTO api_key (id, organization_id, name, actor, prefix, key_sha256, scopes)
VALUES (%(id)s, %(organization_id)s, %(name)s, %(actor)s, %(prefix)s, %(key_sha256)s, %(scopes)s)
RETURNING id, organization_id, name, actor, prefix, scopes, created_at, revoked_at
