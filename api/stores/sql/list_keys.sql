SELECT id, organization_id, name, actor, prefix, scopes, created_at, revoked_at, expires_at, last_used_at, created_by,
    replaced_by
FROM api_key
WHERE %(organization_id)s::text IS NULL OR organization_id = %(organization_id)s
ORDER BY created_at, id
