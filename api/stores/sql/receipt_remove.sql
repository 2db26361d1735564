DELETE FROM receipt
WHERE organization_id = %(organization_id)s AND receipt_id = %(receipt_id)s
RETURNING sha256
