UPDATE email_domain SET proved_at = now()
WHERE organization_id = %(organization_id)s AND domain = %(domain)s
RETURNING domain
