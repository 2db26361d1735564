-- An organization's invitations that are open or have expired, newest first, or one of them whatever it is.
SELECT coalesce(json_agg(found ORDER BY found.created_at DESC, found.invitation_id DESC), '[]') AS invitations
FROM (
    SELECT invitation_id, email, name, role, department_ids AS departments, employee_id AS employee, created_at,
        created_by, expires_at,
        CASE WHEN accepted_at IS NOT NULL THEN 'accepted' WHEN withdrawn_at IS NOT NULL THEN 'withdrawn'
            WHEN expires_at <= now() THEN 'expired' ELSE 'open' END AS status
    FROM invitation
    WHERE organization_id = %(organization_id)s
        AND (%(invitation_id)s::text IS NULL OR invitation_id = %(invitation_id)s)
        AND (%(seen_at)s::timestamptz IS NULL OR (created_at, invitation_id) < (%(seen_at)s, %(seen_id)s))
        AND (%(status)s::text IS NULL OR %(status)s = CASE WHEN accepted_at IS NOT NULL THEN 'accepted'
            WHEN withdrawn_at IS NOT NULL THEN 'withdrawn' WHEN expires_at <= now() THEN 'expired' ELSE 'open' END)
    ORDER BY created_at DESC, invitation_id DESC
    LIMIT %(rows_max)s
) AS found
