-- migrate:up

-- The whole life of an authorization, and all that people set. Nothing was released before: what the old
-- read models held is dropped, not moved.

ALTER TABLE decision
    ADD COLUMN review text,
    ADD COLUMN policy_version integer,
    ADD COLUMN actor text;
COMMENT ON COLUMN decision.review IS 'code of the first review; null: nobody need look at it';
COMMENT ON COLUMN decision.actor IS 'who did it, of what people do: the actor of an API key, or what a producer wrote';

-- Who holds a key. It outlives the key: approvals name people, and a key is replaced from time to time.
ALTER TABLE api_key ADD COLUMN actor text NOT NULL CHECK (actor <> '');
COMMENT ON COLUMN api_key.actor IS 'who holds it, and whom its acts name: the key''s own id unless told otherwise';
GRANT SELECT (actor) ON api_key TO spendlog_auditor;

-- Bookings -------------------------------------------------------------------------------------------------

-- An effect may need two transfers (a correction of a posting with its FX difference): `leg` tells them apart.
ALTER TABLE transfer
    ADD COLUMN leg smallint NOT NULL DEFAULT 0 CHECK (leg >= 0),
    ADD COLUMN compensates_seq bigint,
    ALTER COLUMN period DROP NOT NULL,
    DROP CONSTRAINT transfer_period_check,
    DROP CONSTRAINT transfer_kind_check,
    DROP CONSTRAINT transfer_layer_check,
    DROP CONSTRAINT transfer_pkey,
    ADD PRIMARY KEY (partition, seq, n, leg),
    ADD CONSTRAINT transfer_kind_of_layer CHECK (
        CASE layer
            WHEN 'pending' THEN kind IN ('hold', 'release', 'expiry')
            WHEN 'posted' THEN kind IN (
                'clearing', 'fx_difference', 'correction', 'refund', 'refund_reversal',
                'provisional_credit', 'dispute_won', 'dispute_lost')
            ELSE false
        END),
    -- A provisional credit counts in no budget; everything else is money of a period.
    ADD CONSTRAINT transfer_period CHECK (
        CASE WHEN period IS NULL THEN kind = 'provisional_credit' ELSE period <> '' END),
    ADD CONSTRAINT transfer_compensates CHECK (
        CASE WHEN compensates_seq IS NULL THEN kind <> 'correction'
            ELSE kind = 'correction' AND compensates_seq < seq END);
COMMENT ON TABLE transfer IS
    'n: index of the effect within decision (partition, seq); leg: of its transfers; amount: minor units of currency';
COMMENT ON COLUMN transfer.period IS 'label of the period of the department''s own budget';
COMMENT ON COLUMN transfer.compensates_seq IS
    'correction: the decision of this partition whose posting is taken back';

-- A posting is taken back once: by a correction's leg 0, and its FX difference by leg 1.
CREATE UNIQUE INDEX transfer_compensated_once ON transfer (partition, compensates_seq, leg)
    WHERE compensates_seq IS NOT NULL;

-- For balances as of a recorded time. BRIN: rows come in the order of their time, and an append barely notices.
CREATE INDEX transfer_recorded ON transfer USING brin (recorded_at);

-- Only what was posted can be taken back, and all of it. By rows, but for corrections alone: they are rare.
-- Looked at after the statement, so that posting and correction may come in one COPY.
CREATE FUNCTION check_correction() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
    posted   bigint;
    mirrored bigint;
BEGIN
    SELECT count(*), count(c.partition) INTO posted, mirrored
    FROM transfer t
    LEFT JOIN transfer c
        ON c.partition = t.partition AND c.compensates_seq = t.seq AND c.seq = NEW.seq
        AND c.organization_id = t.organization_id AND c.department_id = t.department_id
        AND c.authorization_id = t.authorization_id AND c.currency = t.currency AND c.amount = t.amount
        AND c.debit_account = t.credit_account AND c.credit_account = t.debit_account
        AND c.leg = CASE t.kind WHEN 'clearing' THEN 0 ELSE 1 END -- which leg takes back which
    WHERE t.partition = NEW.partition AND t.seq = NEW.compensates_seq
        AND t.authorization_id = NEW.authorization_id AND t.kind IN ('clearing', 'fx_difference');
    IF posted = 0 THEN
        RAISE EXCEPTION 'decision %:% corrects %:%, which posted nothing to authorization %',
            NEW.partition, NEW.seq, NEW.partition, NEW.compensates_seq, NEW.authorization_id
            USING ERRCODE = 'foreign_key_violation';
    ELSIF posted <> mirrored THEN
        RAISE EXCEPTION 'decision %:% does not take back all that %:% posted, and that alone',
            NEW.partition, NEW.seq, NEW.partition, NEW.compensates_seq
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER correction AFTER INSERT ON transfer
    FOR EACH ROW WHEN (NEW.compensates_seq IS NOT NULL) EXECUTE FUNCTION check_correction();
ALTER TABLE transfer ENABLE ALWAYS TRIGGER correction;

-- A row is one debit and one equal credit, so what could unbalance a layer is an account of another layer, or
-- one that was never opened; what could unbalance a company is an account of another one. Looked at in what
-- each statement adds: with append-only tables, if every addition balances then the whole does, and looking at
-- the whole each time would cost more with every day. Not a deferred constraint trigger: those are by row,
-- about as dear as the two look-ups of a foreign key for each row; this groups first and looks up a few names.
CREATE FUNCTION check_accounts() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
    wrong record;
BEGIN
    SELECT a.* INTO wrong
    FROM (
        SELECT organization_id, department_id, layer, debit_account, credit_account
        FROM added
        GROUP BY organization_id, department_id, layer, debit_account, credit_account
    ) AS a
    LEFT JOIN account d ON d.name = a.debit_account
    LEFT JOIN account c ON c.name = a.credit_account
    WHERE d.layer IS DISTINCT FROM a.layer OR c.layer IS DISTINCT FROM a.layer
        OR d.organization_id <> a.organization_id OR c.organization_id <> a.organization_id
        OR coalesce(d.department_id, a.department_id) <> a.department_id
        OR coalesce(c.department_id, a.department_id) <> a.department_id
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'a % transfer of %/% from % to %: both must be open accounts of that layer and owner',
            wrong.layer, wrong.organization_id, wrong.department_id, wrong.credit_account, wrong.debit_account
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER accounts AFTER INSERT ON transfer
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION check_accounts();
ALTER TABLE transfer ENABLE ALWAYS TRIGGER accounts;

-- Balances -------------------------------------------------------------------------------------------------

DROP VIEW account_balance, trial_balance, entry;

CREATE VIEW entry AS
SELECT t.partition, t.seq, t.n, t.leg, e.account, e.direction, e.amount, t.currency, t.layer, t.kind,
       t.organization_id, t.department_id, t.authorization_id, t.period, t.occurred_at, t.recorded_at
FROM transfer t
CROSS JOIN LATERAL (
    VALUES (t.debit_account, 'debit', t.amount), (t.credit_account, 'credit', -t.amount)
) AS e (account, direction, amount);
COMMENT ON VIEW entry IS 'two rows for each transfer; amount is signed: debits above zero, credits below';

CREATE FUNCTION account_balances(
    recorded_by  timestamptz DEFAULT 'infinity',
    occurred_by  timestamptz DEFAULT 'infinity',
    in_partition integer DEFAULT NULL,
    up_to        bigint DEFAULT NULL
) RETURNS TABLE (account text, layer text, currency text, balance bigint, entries bigint)
LANGUAGE sql STABLE AS $$
    SELECT e.account, e.layer, e.currency, sum(e.amount)::bigint, count(*)
    FROM entry e
    WHERE e.recorded_at <= recorded_by
        AND coalesce(e.occurred_at, e.recorded_at) <= occurred_by
        AND (in_partition IS NULL OR e.partition = in_partition)
        AND (up_to IS NULL OR e.seq <= up_to)
    GROUP BY e.account, e.layer, e.currency
$$;
COMMENT ON FUNCTION account_balances IS
    'balances (debits less credits) of all accounts. recorded_by: as the log knew it then (the broker''s clock, '
    'later arrivals left out). occurred_by: as it was then, later arrivals included. in_partition, up_to: after '
    'that decision; a position says nothing of other partitions, in which a company''s accounts also move';

CREATE VIEW account_balance AS
SELECT account, layer, currency, sum(amount)::bigint AS balance, count(*) AS entries
FROM entry
GROUP BY account, layer, currency;

-- By the layer of the account, not of the transfer: the latter sums to zero whatever is booked.
CREATE VIEW trial_balance AS
SELECT e.currency, coalesce(a.layer, 'not opened') AS layer, sum(e.amount)::bigint AS total, count(*) AS entries
FROM entry e
LEFT JOIN account a ON a.name = e.account
GROUP BY e.currency, coalesce(a.layer, 'not opened');
COMMENT ON VIEW trial_balance IS 'total must be 0 in every row, and no account may be missing';

CREATE FUNCTION check_trial_balance() RETURNS void
LANGUAGE plpgsql STABLE AS $$
DECLARE
    wrong record;
BEGIN
    FOR wrong IN SELECT * FROM trial_balance WHERE total <> 0 OR layer = 'not opened' LOOP
        RAISE EXCEPTION 'the books do not balance: % of % in layer %', wrong.total, wrong.currency, wrong.layer
            USING ERRCODE = 'integrity_constraint_violation';
    END LOOP;
END
$$;
COMMENT ON FUNCTION check_trial_balance IS 'raises unless every currency and layer sums to zero; reads all transfers';

-- What people set ------------------------------------------------------------------------------------------

DROP TABLE department_budget, budget_period;

CREATE TABLE budget (
    organization_id text     NOT NULL,
    department_id   text     NOT NULL,
    budget_id       text     NOT NULL, -- 'department': the department's own
    level           text     NOT NULL CHECK (level IN ('department', 'team', 'card', 'employee')),
    subject         text,
    name            text     NOT NULL,
    currency        text     NOT NULL,
    limit_minor     bigint   NOT NULL, -- of each period, without increases
    tolerance_minor bigint   NOT NULL,
    calendar        text     NOT NULL CHECK (
        calendar IN ('day', 'week', 'month', 'quarter', 'year', 'lifetime')),
    time_zone       text     NOT NULL,
    start_day       smallint NOT NULL,
    start_month     smallint NOT NULL,
    removed         boolean  NOT NULL,
    partition       integer  NOT NULL,
    seq             bigint   NOT NULL,
    PRIMARY KEY (organization_id, department_id, budget_id)
);

CREATE TABLE budget_increase (
    organization_id text        NOT NULL,
    department_id   text        NOT NULL,
    budget_id       text        NOT NULL,
    amount          bigint      NOT NULL,
    starts_at       timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL,
    partition       integer     NOT NULL,
    seq             bigint      NOT NULL,
    removed_seq     bigint, -- the decision that removed the budget, and its increases with it; null: none did
    PRIMARY KEY (organization_id, department_id, budget_id, partition, seq)
);

-- Asked for by one, approved by others, level by level. Its owner forgets a request like a payment: what is
-- still waiting after 90 days without an answer is never answered.
CREATE TABLE increase_request (
    organization_id text        NOT NULL,
    department_id   text        NOT NULL,
    request_id      text        NOT NULL,
    budget_id       text        NOT NULL,
    currency        text        NOT NULL,
    amount          bigint      NOT NULL,
    starts_at       timestamptz, -- as asked; null: with the last approval
    ends_at         timestamptz NOT NULL,
    asked_by        text        NOT NULL,
    asked_at        timestamptz,
    reason          text, -- as who asked gave it
    levels          json        NOT NULL,
    approved_by     text[]      NOT NULL,
    refused_by      text,
    refusal_reason  text,
    status          text        NOT NULL CHECK (status IN ('waiting', 'approved', 'refused')),
    closed_at       timestamptz,
    partition       integer     NOT NULL,
    seq             bigint      NOT NULL, -- the last decision about it
    PRIMARY KEY (organization_id, department_id, request_id),
    CHECK ((status = 'refused') = (refused_by IS NOT NULL)),
    CHECK (refusal_reason IS NULL OR status = 'refused')
);
COMMENT ON COLUMN increase_request.levels IS
    'who may approve, one list for each level in their order; an empty list: anybody who has not yet';

-- Every balance that decisions tell: of budgets, of limits with a calendar (rule:ID:SUBJECT) and of the lease
-- (company), by the label of its period.
CREATE TABLE budget_period (
    organization_id text    NOT NULL,
    department_id   text    NOT NULL,
    budget_id       text    NOT NULL,
    period          text    NOT NULL,
    limit_minor     bigint  NOT NULL, -- with the increases in force
    posted_minor    bigint  NOT NULL,
    held_minor      bigint  NOT NULL,
    available_minor bigint  GENERATED ALWAYS AS (limit_minor - posted_minor - held_minor) STORED,
    partition       integer NOT NULL,
    seq             bigint  NOT NULL,
    PRIMARY KEY (organization_id, department_id, budget_id, period)
) WITH (fillfactor = 50);

-- The limits of the department's own budget as they changed, for what was available at a past time.
CREATE TABLE limit_change (
    organization_id text        NOT NULL,
    department_id   text        NOT NULL,
    period          text        NOT NULL,
    partition       integer     NOT NULL,
    seq             bigint      NOT NULL,
    limit_minor     bigint      NOT NULL,
    occurred_at     timestamptz NOT NULL,
    recorded_at     timestamptz NOT NULL,
    PRIMARY KEY (organization_id, department_id, period, seq)
);
COMMENT ON TABLE limit_change IS 'limit_minor, increases included, from decision (partition, seq) on';

CREATE FUNCTION department_balances(
    organization text,
    department   text,
    recorded_by  timestamptz DEFAULT 'infinity',
    occurred_by  timestamptz DEFAULT 'infinity',
    up_to        bigint DEFAULT NULL
) RETURNS TABLE (
    period text, currency text, limit_minor bigint, posted bigint, pending bigint, available bigint)
LANGUAGE sql STABLE AS $$
    WITH own AS (
        SELECT b.currency, b.partition,
            'department:' || organization || '/' || department || ':' AS prefix
        FROM budget b
        WHERE b.organization_id = organization AND b.department_id = department
            AND b.budget_id = 'department'
    ), booked AS (
        SELECT e.period,
            sum(e.amount) FILTER (WHERE e.account IN (prefix || 'card-spend', prefix || 'fx-difference'))
                AS posted,
            sum(e.amount) FILTER (WHERE e.account = prefix || 'encumbrance') AS pending
        FROM entry e
        JOIN own ON e.partition = own.partition
        WHERE e.organization_id = organization AND e.department_id = department
            AND e.recorded_at <= recorded_by
            AND coalesce(e.occurred_at, e.recorded_at) <= occurred_by
            AND (up_to IS NULL OR e.seq <= up_to)
        GROUP BY e.period
    ), limits AS (
        SELECT DISTINCT ON (l.period) l.period, l.limit_minor
        FROM limit_change l
        WHERE l.organization_id = organization AND l.department_id = department
            AND l.recorded_at <= recorded_by AND l.occurred_at <= occurred_by
            AND (up_to IS NULL OR l.seq <= up_to)
        ORDER BY l.period, l.seq DESC
    )
    SELECT limits.period, own.currency, limits.limit_minor,
        coalesce(booked.posted, 0)::bigint, coalesce(booked.pending, 0)::bigint,
        (limits.limit_minor - coalesce(booked.posted, 0) - coalesce(booked.pending, 0))::bigint
    FROM own
    CROSS JOIN limits
    LEFT JOIN booked USING (period)
    ORDER BY limits.period
$$;
COMMENT ON FUNCTION department_balances IS
    'pending, posted and available of the department''s own budget in each period, from the bookings, as of a '
    'time (see account_balances) or after decision number up_to of its partition';

CREATE TABLE policy_version (
    organization_id text        NOT NULL,
    department_id   text        NOT NULL,
    version         integer     NOT NULL,
    policy          json        NOT NULL,
    drafted_seq     bigint, -- null: the default policy, which nobody drafted
    drafted_at      timestamptz,
    activated_seq   bigint, -- the last time; null: never
    activated_at    timestamptz,
    active          boolean     NOT NULL,
    partition       integer     NOT NULL,
    PRIMARY KEY (organization_id, department_id, version)
);
CREATE UNIQUE INDEX policy_in_force ON policy_version (organization_id, department_id) WHERE active;
COMMENT ON COLUMN policy_version.policy IS 'schemas.controls.Policy as encoded';

CREATE TABLE card (
    organization_id text    NOT NULL,
    department_id   text    NOT NULL,
    card_id         text    NOT NULL,
    status          text    NOT NULL CHECK (status IN ('active', 'frozen', 'canceled')),
    employee        text,
    team            text,
    expires_on      date,
    body            json    NOT NULL,
    partition       integer NOT NULL,
    seq             bigint  NOT NULL,
    PRIMARY KEY (organization_id, department_id, card_id)
);
COMMENT ON COLUMN card.body IS 'schemas.controls.Card as encoded';

-- Payments -------------------------------------------------------------------------------------------------

ALTER TABLE card_authorization
    ADD COLUMN authorized bigint NOT NULL DEFAULT 0,
    ADD COLUMN disputed bigint NOT NULL DEFAULT 0,
    ADD COLUMN expires_at timestamptz; -- when what is held lapses; null: nothing is held
-- What the ticker asks: whose holds are due. Its price: an update that ends a hold writes index entries, too.
CREATE INDEX card_authorization_due ON card_authorization (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE refund (
    organization_id  text        NOT NULL,
    department_id    text        NOT NULL,
    refund_id        text        NOT NULL,
    authorization_id text, -- null: linked to no payment
    card_id          text,
    currency         text        NOT NULL,
    amount           bigint      NOT NULL,
    undone           bigint      NOT NULL CHECK (undone BETWEEN 0 AND amount), -- taken back by the merchant
    occurred_at      timestamptz,
    partition        integer     NOT NULL,
    seq              bigint      NOT NULL,
    PRIMARY KEY (organization_id, refund_id, department_id)
);

CREATE TABLE dispute (
    organization_id  text        NOT NULL,
    department_id    text        NOT NULL,
    dispute_id       text        NOT NULL,
    authorization_id text        NOT NULL,
    status           text        NOT NULL CHECK (status IN ('open', 'won', 'lost', 'withdrawn')),
    currency         text        NOT NULL,
    amount           bigint      NOT NULL,
    provisional      boolean     NOT NULL,
    opened_at        timestamptz,
    resolved_at      timestamptz,
    partition        integer     NOT NULL,
    seq              bigint      NOT NULL,
    PRIMARY KEY (organization_id, dispute_id, department_id)
);
CREATE INDEX dispute_of_authorization ON dispute (organization_id, authorization_id);

-- The company's cap ----------------------------------------------------------------------------------------

CREATE TABLE company_cap (
    organization_id text     PRIMARY KEY,
    currency        text     NOT NULL,
    limit_minor     bigint   NOT NULL,
    calendar        text     NOT NULL,
    time_zone       text     NOT NULL,
    start_day       smallint NOT NULL,
    start_month     smallint NOT NULL,
    departments     text[]   NOT NULL,
    partition       integer  NOT NULL,
    seq             bigint   NOT NULL
);

-- A lease has two sides in two partitions, each with its own row, so that neither sink waits for the other.
-- What the treasury has given and the department not yet taken is on its way.
CREATE TABLE lease (
    organization_id text    NOT NULL,
    department_id   text    NOT NULL,
    period          text    NOT NULL,
    side            text    NOT NULL CHECK (side IN ('treasury', 'department')),
    leased_minor    bigint  NOT NULL,
    asked_minor     bigint  NOT NULL, -- treasury: owed beyond it; department: asked for and not answered
    partition       integer NOT NULL,
    seq             bigint  NOT NULL,
    PRIMARY KEY (organization_id, department_id, period, side)
);

-- Ticks ----------------------------------------------------------------------------------------------------

-- When each department's clock was last ticked. Several tickers agree by this row.
CREATE TABLE department_tick (
    organization_id text        NOT NULL,
    department_id   text        NOT NULL,
    ticked_at       timestamptz NOT NULL,
    PRIMARY KEY (organization_id, department_id)
) WITH (fillfactor = 50);

-- Rights ---------------------------------------------------------------------------------------------------

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON limit_change
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE limit_change ENABLE ALWAYS TRIGGER append_only;

DO $$
BEGIN
    CREATE ROLE spendlog_ticker NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; -- another database of the cluster made it
END
$$;
GRANT USAGE ON SCHEMA public TO spendlog_ticker;
GRANT SELECT (organization_id, department_id, expires_at) ON card_authorization TO spendlog_ticker;
GRANT SELECT ON budget, lease TO spendlog_ticker;
GRANT SELECT, INSERT, UPDATE ON department_tick TO spendlog_ticker;

GRANT SELECT, INSERT ON limit_change TO spendlog_sink;
GRANT SELECT, INSERT, UPDATE ON budget, budget_increase, increase_request, budget_period, policy_version, card,
    refund, dispute, company_cap, lease TO spendlog_sink;

GRANT SELECT ON entry, account_balance, trial_balance, limit_change, budget, budget_increase, increase_request,
    budget_period, policy_version, card, refund, dispute, company_cap, lease, department_tick
    TO spendlog_api, spendlog_auditor;

-- migrate:down

-- Forward only: going back would drop bookings.
DO $$ BEGIN RAISE EXCEPTION 'forward only: this migration holds the ledger and is not rolled back'; END $$;
