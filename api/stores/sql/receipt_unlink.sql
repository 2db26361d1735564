-- From its purchase, or from all that was suggested; it is suggested to none of them again.
UPDATE receipt
SET refused = refused || CASE
        WHEN authorization_id IS NOT NULL THEN ARRAY[department_id || '/' || authorization_id]
        ELSE ARRAY(
            SELECT (one ->> 'department_id') || '/' || (one ->> 'authorization_id')
            FROM jsonb_array_elements(suggestions) AS one)
    END,
    suggestions = '[]', department_id = NULL, authorization_id = NULL, linked_by = NULL, linked_at = NULL
WHERE organization_id = %(organization_id)s AND receipt_id = %(receipt_id)s
RETURNING receipt_id
