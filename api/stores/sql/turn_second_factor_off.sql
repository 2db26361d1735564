UPDATE person SET totp_secret = NULL, totp_since = NULL, totp_step = NULL, recovery_sha256 = '{}'
WHERE person_id = %(person_id)s
RETURNING person_id
