SELECT m.person_id FROM membership AS m JOIN person AS p USING (person_id)
WHERE m.organization_id = %(organization_id)s AND p.email = %(email)s
