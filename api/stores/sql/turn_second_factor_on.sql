-- With the secret that the code was of, whatever was offered since. No row: it is on.
UPDATE person
SET totp_secret = %(secret)s, totp_since = now(), totp_step = %(step)s, recovery_sha256 = %(recovery)s
WHERE person_id = %(person_id)s AND totp_since IS NULL
RETURNING person_id
