UPDATE identity_provider
SET name = %(name)s, client_id = %(client_id)s, sign_on_url = %(sign_on_url)s,
    certificates = %(certificates)s, domains = %(domains)s, mapping = %(mapping)s::jsonb,
    mapped_by = %(mapped_by)s, mapped_by_id = %(mapped_by_id)s, enabled = %(enabled)s,
    changed_at = clock_timestamp()
WHERE organization_id = %(organization_id)s AND provider_id = %(provider_id)s
RETURNING provider_id
