SELECT domain FROM email_domain
WHERE organization_id = %(organization_id)s AND domain = %(domain)s AND proved_at IS NOT NULL
