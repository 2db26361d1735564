-- What somebody of this e-mail address is in the organization.
SELECT m.role, m.department_ids AS departments
FROM membership AS m
JOIN person AS p USING (person_id)
WHERE m.organization_id = %(organization_id)s AND p.email = lower(%(email)s)
