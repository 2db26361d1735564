INSERT INTO membership (organization_id, person_id, role, department_ids, employee_id)
VALUES (%(organization_id)s, %(person_id)s, %(role)s, %(departments)s, %(employee)s)
ON CONFLICT DO NOTHING
RETURNING person_id
