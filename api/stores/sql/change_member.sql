UPDATE membership
SET role = %(role)s, department_ids = %(departments)s, employee_id = %(employee)s, changed_at = clock_timestamp()
WHERE organization_id = %(organization_id)s AND person_id = %(person_id)s
RETURNING person_id
