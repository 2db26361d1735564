SELECT count(*) AS providers, count(*) FILTER (WHERE enabled) AS enabled
FROM identity_provider WHERE organization_id = %(organization_id)s
