INSERT INTO access_link (
    link_sha256, link_id, kind, organization_id, person_id, created_by, expires_at, mailed)
VALUES (%(sha256)s, %(link_id)s, 'password_reset', %(organization_id)s, %(person_id)s, %(created_by)s,
    %(expires_at)s, %(mailed)s)
RETURNING link_id
