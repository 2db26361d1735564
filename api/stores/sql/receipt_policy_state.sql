SELECT over_minor, days FROM receipt_policy
WHERE organization_id = %(organization_id)s AND currency = %(currency)s
