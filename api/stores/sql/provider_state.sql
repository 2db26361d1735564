-- As it is, locked until it is changed.
SELECT protocol, name, client_id, sign_on_url, certificates, domains, mapping, mapped_by, mapped_by_id, enabled, changed_at
FROM identity_provider
WHERE organization_id = %(organization_id)s AND provider_id = %(provider_id)s
FOR UPDATE
