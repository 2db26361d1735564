-- Names who looks into a case. No row: it was he already.
INSERT INTO case_assignment (organization_id, department_id, authorization_id, assignee, assigned_by)
VALUES (%(organization_id)s, %(department_id)s, %(authorization_id)s, %(assignee)s, %(assigned_by)s)
ON CONFLICT (organization_id, authorization_id, department_id) DO UPDATE
SET assignee = excluded.assignee, assigned_by = excluded.assigned_by, assigned_at = now()
WHERE case_assignment.assignee <> excluded.assignee
RETURNING assignee
