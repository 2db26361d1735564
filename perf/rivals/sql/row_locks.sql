-- The usual way: one row for each department and month, locked while a request is decided. Same rules as
-- streams/core for a budget and for repeats, and no more than they need: one locking read, two look-ups, an
-- insert and an update. Bookings are made later, as on the other side.

CREATE TABLE department_budget (
    organization_id text   NOT NULL,
    department_id   text   NOT NULL,
    name            text   NOT NULL,
    currency        text   NOT NULL,
    time_zone       text   NOT NULL,
    limit_minor     bigint NOT NULL,
    PRIMARY KEY (organization_id, department_id)
);

CREATE TABLE budget_period (
    organization_id text   NOT NULL,
    department_id   text   NOT NULL,
    period          text   NOT NULL,
    posted          bigint NOT NULL,
    held            bigint NOT NULL,
    PRIMARY KEY (organization_id, department_id, period)
) WITH (fillfactor = 20); -- one hot row: room for its versions on the same page

CREATE TABLE card_authorization (
    organization_id  text        NOT NULL,
    department_id    text        NOT NULL,
    authorization_id text        NOT NULL,
    event_id         text        NOT NULL,
    card_id          text        NOT NULL,
    cardholder       text,
    merchant         text        NOT NULL,
    mcc              text,
    country          text,
    amount           bigint      NOT NULL CHECK (amount > 0),
    currency         text        NOT NULL,
    period           text        NOT NULL,
    occurred_at      timestamptz NOT NULL,
    recorded_at      timestamptz NOT NULL DEFAULT now(),
    outcome          text        NOT NULL,
    reason           text,
    limit_minor      bigint      NOT NULL,
    posted           bigint      NOT NULL,
    held             bigint      NOT NULL,
    PRIMARY KEY (organization_id, department_id, authorization_id),
    CONSTRAINT card_authorization_events UNIQUE (organization_id, department_id, event_id)
);

CREATE TYPE answer AS (
    outcome     text,
    reason      text,
    limit_minor bigint,
    posted      bigint,
    held        bigint,
    requested   bigint,
    repeated    boolean
);

CREATE FUNCTION decide_request(
    p_event text, p_organization text, p_department text, p_authorization text, p_card text, p_holder text,
    p_merchant text, p_mcc text, p_country text, p_amount bigint, p_currency text, p_at timestamptz
) RETURNS answer
LANGUAGE plpgsql AS $$
DECLARE
    budget record;
    first  record;
    label  text;
    result answer;
BEGIN
    -- now() is the clock of the record; a day ahead is a forged or broken date.
    IF p_at > now() + interval '1 day' OR p_at < '2000-01-01+00' THEN
        RETURN ROW('rejected', 'untimely', NULL, NULL, NULL, p_amount, false)::answer;
    END IF;
    LOOP
        SELECT b.currency, b.limit_minor, p.posted, p.held, p.period INTO budget
        FROM department_budget b
        JOIN budget_period p USING (organization_id, department_id)
        WHERE b.organization_id = p_organization AND b.department_id = p_department
          AND p.period = to_char(p_at AT TIME ZONE b.time_zone, 'YYYY-MM')
        FOR UPDATE OF p;
        EXIT WHEN FOUND;
        SELECT to_char(p_at AT TIME ZONE b.time_zone, 'YYYY-MM') INTO label
        FROM department_budget b
        WHERE b.organization_id = p_organization AND b.department_id = p_department;
        IF NOT FOUND THEN
            RETURN ROW('rejected', 'unknown_department', NULL, NULL, NULL, p_amount, false)::answer;
        END IF;
        INSERT INTO budget_period VALUES (p_organization, p_department, label, 0, 0) ON CONFLICT DO NOTHING;
    END LOOP;

    -- The content is all but the time, for a network repeats with a new one.
    -- Under the lock: whoever had it before has committed, and this statement sees it.
    SELECT * INTO first FROM card_authorization a
    WHERE a.organization_id = p_organization AND a.department_id = p_department AND a.event_id = p_event;
    IF FOUND THEN
        IF (first.authorization_id, first.card_id, first.cardholder, first.merchant, first.mcc, first.country,
            first.amount, first.currency)
            IS DISTINCT FROM
           (p_authorization, p_card, p_holder, p_merchant, p_mcc, p_country, p_amount, p_currency) THEN
            RETURN ROW('rejected', 'exists_with_different_content', NULL, NULL, NULL, p_amount, false)::answer;
        END IF;
        RETURN ROW(first.outcome, first.reason, first.limit_minor, first.posted, first.held, first.amount,
                   true)::answer;
    END IF;
    IF p_currency <> budget.currency THEN
        RETURN ROW('rejected', 'wrong_currency', NULL, NULL, NULL, p_amount, false)::answer;
    END IF;
    PERFORM 1 FROM card_authorization a
    WHERE a.organization_id = p_organization AND a.department_id = p_department
      AND a.authorization_id = p_authorization;
    IF FOUND THEN
        RETURN ROW('rejected', 'authorization_exists', NULL, NULL, NULL, p_amount, false)::answer;
    END IF;

    result := ROW('approved', NULL, budget.limit_minor, budget.posted, budget.held, p_amount, false)::answer;
    IF budget.posted + budget.held + p_amount > budget.limit_minor THEN
        result.outcome := 'declined';
        result.reason := 'budget_exceeded';
    END IF;
    INSERT INTO card_authorization VALUES (
        p_organization, p_department, p_authorization, p_event, p_card, p_holder, p_merchant, p_mcc, p_country,
        p_amount, p_currency, budget.period, p_at, now(), result.outcome, result.reason,
        budget.limit_minor, budget.posted, budget.held
    );
    IF result.outcome = 'approved' THEN
        UPDATE budget_period SET held = held + p_amount
        WHERE organization_id = p_organization AND department_id = p_department AND period = budget.period;
    END IF;
    RETURN result;
END
$$;
