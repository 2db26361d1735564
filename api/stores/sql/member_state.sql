-- What somebody is in an organization, locked until it is changed.
SELECT m.role, m.department_ids AS departments, m.employee_id AS employee, m.changed_at,
    (SELECT email FROM person WHERE person_id = m.person_id) AS email
FROM membership AS m
WHERE m.organization_id = %(organization_id)s AND m.person_id = %(person_id)s
FOR UPDATE
