SELECT access_sign_on_required(%(organizations)s, %(person_id)s) AS organizations
