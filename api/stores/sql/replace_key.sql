UPDATE api_key SET expires_at = %(expires_at)s, replaced_by = %(replaced_by)s
WHERE organization_id = %(organization_id)s AND id = %(key_id)s
RETURNING id
