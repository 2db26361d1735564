-- To a purchase, by somebody.
UPDATE receipt
SET department_id = %(department_id)s, authorization_id = %(authorization_id)s, linked_by = %(actor)s, linked_at = now(),
    refused = array_remove(refused, %(department_id)s || '/' || %(authorization_id)s)
WHERE organization_id = %(organization_id)s AND receipt_id = %(receipt_id)s
RETURNING receipt_id
