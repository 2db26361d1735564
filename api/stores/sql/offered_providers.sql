SELECT coalesce(json_agg(found), '[]') AS providers
FROM access_providers(%(organization_id)s, %(domain)s) AS found
