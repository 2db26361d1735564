-- An organization's, by name, or one of them.
SELECT coalesce(json_agg(found ORDER BY found.name, found.provider_id), '[]') AS providers
FROM (
    SELECT p.provider_id, p.protocol, p.name, p.issuer, p.client_id, p.sign_on_url, p.certificates, p.domains, p.mapping, p.mapped_by, p.enabled,
        p.created_at, p.changed_at, ARRAY(
            SELECT named FROM unnest(p.domains) AS named WHERE named NOT IN (
                SELECT d.domain FROM email_domain AS d
                WHERE d.organization_id = p.organization_id AND d.proved_at IS NOT NULL)
            ORDER BY named
        ) AS unproved, (
            SELECT count(*) FROM provider_identity AS i
            WHERE i.organization_id = p.organization_id AND i.provider_id = p.provider_id
        ) AS people
    FROM identity_provider AS p
    WHERE p.organization_id = %(organization_id)s
        AND (%(provider_id)s::text IS NULL OR p.provider_id = %(provider_id)s)
) AS found
