DELETE FROM membership WHERE organization_id = %(organization_id)s AND person_id = %(person_id)s
RETURNING person_id
