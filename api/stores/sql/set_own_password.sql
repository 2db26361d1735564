SELECT access_set_password(%(person_id)s, %(password_hash)s, %(but_session)s) AS organizations
