-- migrate:up

-- The local time of a budget is told by those who read it, by the rules that the core has (schemas.terms): this
-- server's may be of another age, and it takes CET, EET, MET and WET for offsets without a summer.
DROP FUNCTION usable_time_zone;

-- migrate:down

CREATE FUNCTION usable_time_zone(name text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    PERFORM now() AT TIME ZONE name;
    RETURN name;
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN 'UTC';
END
$$;
COMMENT ON FUNCTION usable_time_zone IS '`name` itself where this server knows that time zone, else UTC';
