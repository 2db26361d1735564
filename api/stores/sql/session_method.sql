-- How a session of the organization that is looked into began.
SELECT method, second_factor FROM person_session WHERE session_id = %(session_id)s AND ended_at IS NULL
