INSERT INTO access_link (link_sha256, link_id, kind, organization_id, person_id, created_by, expires_at)
SELECT %(sha256)s, %(link_id)s, 'sign_in', m.organization_id, m.person_id, 'command line', %(expires_at)s
FROM person p
JOIN membership m USING (person_id)
WHERE p.email = %(email)s
    AND (%(organization_id)s::text IS NULL OR m.organization_id = %(organization_id)s)
ORDER BY m.created_at, m.organization_id
LIMIT 1
RETURNING person_id, organization_id
