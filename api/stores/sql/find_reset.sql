SELECT * FROM access_link_find(%(sha256)s, ARRAY['password_reset'])
