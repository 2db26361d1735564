DELETE FROM identity_provider
WHERE organization_id = %(organization_id)s AND provider_id = %(provider_id)s
RETURNING provider_id
