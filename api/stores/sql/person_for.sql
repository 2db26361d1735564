SELECT access_person_for(%(person_id)s, %(email)s, %(name)s) AS person_id
