DELETE FROM receipt_policy
WHERE organization_id = %(organization_id)s AND currency = %(currency)s
RETURNING over_minor, days
