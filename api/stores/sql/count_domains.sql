SELECT count(*) AS domains FROM email_domain WHERE organization_id = %(organization_id)s
