SELECT organization_id, id, actor FROM access_ended_key(%(sha256)s)
