-- A page of an organization's people by e-mail address, or one of them.
SELECT coalesce(json_agg(found ORDER BY found.email), '[]') AS people
FROM (
    SELECT m.person_id, p.email, p.name, m.role, m.department_ids AS departments, m.employee_id AS employee,
        p.password_set_at IS NOT NULL AS password, p.totp_since IS NOT NULL AS second_factor, m.created_at,
        m.changed_at,
        (
            SELECT max(s.seen_at) FROM person_session AS s
            WHERE s.organization_id = m.organization_id AND s.person_id = m.person_id
        ) AS seen_at
    FROM membership AS m
    JOIN person AS p USING (person_id)
    WHERE m.organization_id = %(organization_id)s
        AND (%(person_id)s::text IS NULL OR m.person_id = %(person_id)s)
        AND (%(seen)s::text IS NULL OR p.email > %(seen)s)
        AND (%(role)s::text IS NULL OR m.role = %(role)s)
        AND (%(department_id)s::text IS NULL OR %(department_id)s = ANY (m.department_ids))
    ORDER BY p.email
    LIMIT %(rows_max)s
) AS found
