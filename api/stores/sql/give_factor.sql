UPDATE person_session SET second_factor = 'own'
WHERE session_id = %(session_id)s AND person_id = %(person_id)s AND ended_at IS NULL
RETURNING session_id
