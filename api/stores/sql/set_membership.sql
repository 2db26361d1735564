-- No row: he is the last Org Admin, and would be none any more.
INSERT INTO membership (organization_id, person_id, role, department_ids, employee_id)
SELECT %(organization_id)s, %(person_id)s, %(role)s, %(department_ids)s, %(employee_id)s
WHERE %(role)s = 'org_admin'
    OR NOT EXISTS (
        SELECT FROM membership
        WHERE organization_id = %(organization_id)s AND person_id = %(person_id)s AND role = 'org_admin')
    OR EXISTS (
        SELECT FROM membership
        WHERE organization_id = %(organization_id)s AND person_id <> %(person_id)s AND role = 'org_admin')
ON CONFLICT (organization_id, person_id) DO UPDATE
SET role = excluded.role, department_ids = excluded.department_ids, employee_id = excluded.employee_id,
    changed_at = now()
RETURNING person_id
