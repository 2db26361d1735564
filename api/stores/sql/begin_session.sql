INSERT INTO person_session (
    session_sha256, session_id, organization_id, person_id, authenticated_at, expires_at, method, second_factor,
    address, user_agent)
VALUES (%(sha256)s, %(session_id)s, %(organization_id)s, %(person_id)s, %(authenticated_at)s, %(expires_at)s,
    %(method)s, %(second_factor)s, %(address)s, %(user_agent)s)
RETURNING session_id
