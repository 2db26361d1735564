-- No row: it is there already.
INSERT INTO email_domain (organization_id, domain, challenge)
VALUES (%(organization_id)s, %(domain)s, %(challenge)s)
ON CONFLICT DO NOTHING
RETURNING domain
