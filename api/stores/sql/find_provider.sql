SELECT organization_id, provider_id, protocol, name, issuer, client_id, secret_sealed AS secret, domains, mapping,
    mapped_by_id, sign_on_url, certificates, enabled
FROM access_provider(%(provider_id)s)
