-- No row: there is no such member, or he is the last Org Admin.
DELETE FROM membership AS gone
USING person
WHERE person.email = %(email)s AND gone.person_id = person.person_id
    AND gone.organization_id = %(organization_id)s
    AND (gone.role <> 'org_admin' OR EXISTS (
        SELECT FROM membership AS other
        WHERE other.organization_id = gone.organization_id AND other.person_id <> gone.person_id
            AND other.role = 'org_admin'))
RETURNING gone.person_id
