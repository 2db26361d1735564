SELECT m.organization_id, m.person_id, p.email, p.name, m.role, m.department_ids AS departments,
    m.employee_id AS employee, p.password_hash IS NOT NULL AS password
FROM membership m
JOIN person p USING (person_id)
WHERE %(organization_id)s::text IS NULL OR m.organization_id = %(organization_id)s
ORDER BY m.organization_id, p.email
