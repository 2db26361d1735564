-- migrate:up

-- Whose days and years an organization's are: its cap's, else those of most of its departments' budgets; null: it has
-- none. A year's beginning is told only by budgets that divide it. With the rights of who asks.
CREATE FUNCTION organization_calendar(p_organization_id text) RETURNS json
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT coalesce(
        (
            SELECT json_build_object('time_zone', time_zone, 'start_month', start_month, 'start_day', start_day)
            FROM company_cap WHERE organization_id = p_organization_id
        ),
        (
            SELECT json_build_object(
                'time_zone', mode() WITHIN GROUP (ORDER BY time_zone),
                'start_month', coalesce(mode() WITHIN GROUP (ORDER BY start_month)
                    FILTER (WHERE calendar IN ('quarter', 'year')), 1),
                'start_day', coalesce(mode() WITHIN GROUP (ORDER BY start_day)
                    FILTER (WHERE calendar IN ('quarter', 'year')), 1))
            FROM budget
            WHERE organization_id = p_organization_id AND budget_id = 'department' AND NOT removed
            HAVING count(*) > 0
        ));
$$;

-- migrate:down

DROP FUNCTION organization_calendar(text);
