-- Sessions that had a code of it have none any more.
WITH without AS (
    UPDATE person_session SET second_factor = NULL
    WHERE person_id = %(person_id)s AND second_factor = 'own' AND ended_at IS NULL
)
UPDATE person SET totp_secret = NULL, totp_since = NULL, totp_step = NULL, recovery_sha256 = '{}'
WHERE person_id = %(person_id)s
RETURNING person_id
