SELECT access_recovery(%(person_id)s, %(sha256)s) AS good
