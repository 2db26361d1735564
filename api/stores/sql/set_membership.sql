INSERT INTO membership (organization_id, person_id, role, department_ids, employee_id)
VALUES (%(organization_id)s, %(person_id)s, %(role)s, %(department_ids)s, %(employee_id)s)
ON CONFLICT (organization_id, person_id) DO UPDATE
SET role = excluded.role, department_ids = excluded.department_ids, employee_id = excluded.employee_id,
    changed_at = now()
RETURNING person_id
