SELECT * FROM access_link_use(%(sha256)s, %(kinds)s)
