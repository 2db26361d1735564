-- No row: it is on.
UPDATE person SET totp_secret = %(secret)s, totp_step = NULL WHERE person_id = %(person_id)s AND totp_since IS NULL
RETURNING person_id
