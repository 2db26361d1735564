-- No row: it is there already.
INSERT INTO identity_provider (
    organization_id, provider_id, protocol, name, issuer, client_id, secret_sealed, domains, mapping, mapped_by,
    mapped_by_id, enabled, sign_on_url, certificates)
VALUES (%(organization_id)s, %(provider_id)s, %(protocol)s, %(name)s, %(issuer)s, %(client_id)s, %(secret)s,
    %(domains)s, %(mapping)s::jsonb, %(mapped_by)s, %(mapped_by_id)s, %(enabled)s, %(sign_on_url)s, %(certificates)s)
ON CONFLICT DO NOTHING
RETURNING provider_id
