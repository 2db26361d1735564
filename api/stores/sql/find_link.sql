SELECT * FROM access_link_find(%(sha256)s, %(kinds)s)
