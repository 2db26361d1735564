SELECT session_id FROM access_session_end(%(sha256)s) AS session_id
