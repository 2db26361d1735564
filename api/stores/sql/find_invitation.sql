SELECT * FROM access_invitation(%(sha256)s)
