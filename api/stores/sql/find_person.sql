SELECT * FROM access_person(%(email)s)
