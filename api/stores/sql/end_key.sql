UPDATE api_key SET revoked_at = now()
WHERE organization_id = %(organization_id)s AND id = %(key_id)s AND revoked_at IS NULL
RETURNING id
