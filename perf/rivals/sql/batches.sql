-- Many requests of one department and month in one transaction: one lock, one look-up, one insert, one update.
-- Exact where the batch is plain: all of one currency, repeats as they were, and the approvals fit together.
-- Whatever is not plain undoes the attempt and is decided by decide_request, one by one, under the same lock.
CREATE FUNCTION decide_requests(
    p_organization text, p_department text, p_events text[], p_authorizations text[], p_cards text[],
    p_holders text[], p_merchants text[], p_mccs text[], p_countries text[], p_amounts bigint[],
    p_currencies text[], p_ats timestamptz[]
) RETURNS answer[]
LANGUAGE plpgsql AS $$
DECLARE
    budget  record;
    room    bigint;
    answers answer[];
    odd     boolean;
    moved   bigint;
BEGIN
    SELECT b.currency, b.limit_minor, p.posted, p.held, p.period, b.time_zone INTO budget
    FROM department_budget b
    JOIN budget_period p USING (organization_id, department_id)
    WHERE b.organization_id = p_organization AND b.department_id = p_department
      AND p.period = to_char(p_ats[1] AT TIME ZONE b.time_zone, 'YYYY-MM')
    FOR UPDATE OF p;
    IF NOT FOUND THEN
        RAISE SQLSTATE 'ODD01';
    END IF;
    room := budget.limit_minor - budget.posted - budget.held;

    WITH request AS MATERIALIZED (
        SELECT r.*, min(n) OVER (PARTITION BY event_id) AS first_n
        FROM unnest(p_events, p_authorizations, p_cards, p_holders, p_merchants, p_mccs, p_countries,
                    p_amounts, p_currencies, p_ats) WITH ORDINALITY
          AS r(event_id, authorization_id, card_id, cardholder, merchant, mcc, country, amount, currency, at, n)
    ), looked AS MATERIALIZED (
        SELECT r.*, a.event_id IS NOT NULL AS known, a.outcome, a.reason, a.limit_minor, a.posted, a.held,
               a.event_id IS NOT NULL AND
               (a.authorization_id, a.card_id, a.cardholder, a.merchant, a.mcc, a.country, a.amount, a.currency)
               IS DISTINCT FROM
               (r.authorization_id, r.card_id, r.cardholder, r.merchant, r.mcc, r.country, r.amount, r.currency)
                 AS differs
        FROM request r
        -- Lateral, and one row: a look-up by the whole key each. A join of sets is planned as a merge, which
        -- reads every row of the department.
        LEFT JOIN LATERAL (
            SELECT * FROM card_authorization a
            WHERE a.organization_id = p_organization AND a.department_id = p_department
              AND a.event_id = r.event_id
            LIMIT 1
        ) a ON true
    ), fresh AS MATERIALIZED (
        SELECT l.n, l.event_id, l.authorization_id, l.card_id, l.cardholder, l.merchant, l.mcc, l.country,
               l.amount, l.currency, l.at, l.amount <= room AS fits,
               budget.held + coalesce(sum(CASE WHEN l.amount <= room THEN l.amount ELSE 0 END) OVER before, 0)
                 AS held
        FROM looked l
        WHERE NOT l.known AND l.n = l.first_n
        WINDOW before AS (ORDER BY l.n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ), inserted AS (
        INSERT INTO card_authorization
        SELECT p_organization, p_department, authorization_id, event_id, card_id, cardholder, merchant, mcc,
               country, amount, currency, budget.period, at, now(),
               CASE WHEN fits THEN 'approved' ELSE 'declined' END,
               CASE WHEN NOT fits THEN 'budget_exceeded' END, budget.limit_minor, budget.posted, f.held
        FROM fresh f
    )
    SELECT array_agg(
               CASE WHEN l.known THEN ROW(l.outcome, l.reason, l.limit_minor, l.posted, l.held, l.amount,
                                          true)::answer
                    ELSE ROW(CASE WHEN f.fits THEN 'approved' ELSE 'declined' END,
                             CASE WHEN NOT f.fits THEN 'budget_exceeded' END, budget.limit_minor,
                             budget.posted, f.held, l.amount, l.n <> l.first_n)::answer END ORDER BY l.n),
           bool_or(l.differs OR l.currency <> budget.currency
                   OR l.at > now() + interval '1 day' OR l.at < '2000-01-01+00'
                   OR to_char(l.at AT TIME ZONE budget.time_zone, 'YYYY-MM') <> budget.period
                   OR (l.n <> l.first_n AND NOT l.known AND
                       (f.authorization_id, f.card_id, f.cardholder, f.merchant, f.mcc, f.country, f.amount,
                        f.currency)
                       IS DISTINCT FROM
                       (l.authorization_id, l.card_id, l.cardholder, l.merchant, l.mcc, l.country, l.amount,
                        l.currency))),
           coalesce(sum(l.amount) FILTER (WHERE f.fits AND l.n = l.first_n), 0)
    INTO answers, odd, moved
    FROM looked l LEFT JOIN fresh f ON f.n = l.first_n;

    -- What is declined for itself stays declined, for room only shrinks here; if the others fit together, all do.
    IF odd OR moved > room THEN
        RAISE SQLSTATE 'ODD01';
    END IF;
    UPDATE budget_period SET held = held + moved
    WHERE organization_id = p_organization AND department_id = p_department AND period = budget.period;
    RETURN answers;
EXCEPTION WHEN unique_violation OR SQLSTATE 'ODD01' THEN
    answers := '{}';
    FOR n IN 1 .. cardinality(p_events) LOOP
        answers := answers || decide_request(
            p_events[n], p_organization, p_department, p_authorizations[n], p_cards[n], p_holders[n],
            p_merchants[n], p_mccs[n], p_countries[n], p_amounts[n], p_currencies[n], p_ats[n]);
    END LOOP;
    RETURN answers;
END
$$;
