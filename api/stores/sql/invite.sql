-- No row: it is there already.
INSERT INTO invitation (
    organization_id, invitation_id, token_sha256, email, name, role, department_ids, employee_id, created_by,
    created_by_id, expires_at)
VALUES (%(organization_id)s, %(invitation_id)s, %(token_sha256)s, %(email)s, %(name)s, %(role)s,
    %(departments)s::text[], %(employee)s, %(created_by)s, %(created_by_id)s, %(expires_at)s)
ON CONFLICT (organization_id, invitation_id) DO NOTHING
RETURNING invitation_id
