SELECT id, organization_id, name, actor, prefix, scopes, created_at, revoked_at
FROM api_key
WHERE key_sha256 = %(key_sha256)s AND revoked_at IS NULL
