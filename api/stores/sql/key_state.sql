-- A key, locked until it is changed.
SELECT id, organization_id, name, actor, prefix, scopes, created_at, revoked_at, expires_at, last_used_at, created_by,
    replaced_by
FROM api_key
WHERE organization_id = %(organization_id)s AND id = %(key_id)s
FOR UPDATE
