UPDATE person_session SET authenticated_at = now(), session_sha256 = %(sha256)s
WHERE session_id = %(session_id)s AND person_id = %(person_id)s AND ended_at IS NULL
RETURNING session_id
