-- An organization's, or one of them.
SELECT coalesce(json_agg(found ORDER BY found.domain), '[]') AS domains
FROM (
    SELECT d.domain, d.challenge, d.proved_at, d.created_at FROM email_domain AS d
    WHERE d.organization_id = %(organization_id)s AND (%(domain)s::text IS NULL OR d.domain = %(domain)s)
) AS found
