-- migrate:up

-- Whoever signs in anew ends the session that his browser had, whosever and of whichever organization it was: he
-- has its token. The row of no session: it has ended, or there was none.
CREATE FUNCTION access_session_end(p_sha256 bytea) RETURNS text
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    UPDATE person_session SET ended_at = now() WHERE session_sha256 = p_sha256 AND ended_at IS NULL
    RETURNING session_id;
$$;
REVOKE ALL ON FUNCTION access_session_end(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION access_session_end(bytea) TO spendlog_api;
-- Whoever says his password again gets a new token.
GRANT UPDATE (session_sha256) ON person_session TO spendlog_api;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: sessions would be lost'; END $$;
