DELETE FROM email_domain WHERE organization_id = %(organization_id)s AND domain = %(domain)s
RETURNING domain, proved_at IS NOT NULL AS proved
