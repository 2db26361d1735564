SELECT access_totp_step(%(person_id)s, %(step)s) AS good
