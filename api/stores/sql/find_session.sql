SELECT * FROM access_session(%(sha256)s, make_interval(secs => %(idle_s)s))
