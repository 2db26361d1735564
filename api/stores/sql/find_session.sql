SELECT s.*, access_elsewhere(s.person_id, s.organization_id) AS elsewhere
FROM access_session(%(sha256)s, make_interval(secs => %(idle_s)s)) AS s
