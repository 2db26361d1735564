UPDATE person SET recovery_sha256 = %(recovery)s WHERE person_id = %(person_id)s
RETURNING person_id
