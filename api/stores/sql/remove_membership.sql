-- No row: there is no such member.
DELETE FROM membership
USING person
WHERE person.email = %(email)s AND membership.person_id = person.person_id
    AND membership.organization_id = %(organization_id)s
RETURNING membership.person_id
