-- As it is, locked until it is changed.
SELECT name, client_id, domains, mapping, mapped_by, mapped_by_id, enabled, changed_at
FROM identity_provider
WHERE organization_id = %(organization_id)s AND provider_id = %(provider_id)s
FOR UPDATE
