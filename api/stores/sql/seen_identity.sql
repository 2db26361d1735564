UPDATE provider_identity SET seen_at = now()
WHERE organization_id = %(organization_id)s AND provider_id = %(provider_id)s AND subject = %(subject)s
RETURNING person_id
