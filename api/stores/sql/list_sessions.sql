-- What goes on of one person's sessions, newest first.
SELECT coalesce(json_agg(found ORDER BY found.created_at DESC), '[]') AS sessions
FROM (
    SELECT session_id, created_at, seen_at, authenticated_at, expires_at, method, address, user_agent
    FROM person_session
    WHERE organization_id = %(organization_id)s AND person_id = %(person_id)s
        AND ended_at IS NULL AND expires_at > now() AND seen_at > now() - make_interval(secs => %(idle_s)s)
    ORDER BY created_at DESC
    LIMIT 100
) AS found
