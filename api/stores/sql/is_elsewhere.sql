SELECT access_elsewhere(%(person_id)s, %(organization_id)s) AS elsewhere
