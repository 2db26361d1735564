-- migrate:up

-- Names that only one side knows are refused where they enter (schemas.terms). A budget that got one before
-- must still be read, or it could not be mended: its current period is then told in UTC.
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

-- migrate:down

DROP FUNCTION usable_time_zone;
