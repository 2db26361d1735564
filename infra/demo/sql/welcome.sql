-- A person, what she is in an organization, and a link that signs her in once, within a day.
WITH known AS (
    INSERT INTO person (person_id, email, name)
    VALUES (%(person_id)s, %(email)s, %(name)s)
    ON CONFLICT (email) DO UPDATE SET name = excluded.name
    RETURNING person_id
),
member AS (
    INSERT INTO membership (organization_id, person_id, role, department_ids, employee_id)
    SELECT %(organization_id)s, person_id, %(role)s, %(departments)s, %(email)s
    FROM known
    ON CONFLICT (organization_id, person_id) DO UPDATE SET role = excluded.role
    RETURNING organization_id, person_id
)
INSERT INTO access_link (link_sha256, link_id, kind, organization_id, person_id, created_by, expires_at)
SELECT %(sha256)s, %(link_id)s, 'sign_in', organization_id, person_id, 'demo', now() + interval '1 day'
FROM member
RETURNING link_id
