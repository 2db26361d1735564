-- migrate:up

-- Where each sink stands in each partition of the decision log. It moves in the transaction that holds
-- the rows, and only from where the writer thought it was: redelivery, gaps and a second writer all fail
-- that comparison.
CREATE TABLE sink_position (
    sink        text        NOT NULL,
    partition   integer     NOT NULL CHECK (partition >= 0),
    next_offset bigint      NOT NULL CHECK (next_offset >= 0),
    next_seq    bigint      NOT NULL CHECK (next_seq >= 0),
    last_hash   text        NOT NULL CHECK (length(last_hash) = 64),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (sink, partition)
) WITH (fillfactor = 50); -- updated with every batch: room for HOT updates on the same page

-- The decision log as rows. `record` is the value as it stands on the topic, byte for byte (text, not jsonb,
-- which would reorder and refuse \u0000), so that anyone can check its hash with SQL alone.
CREATE TABLE decision (
    partition        integer     NOT NULL,
    seq              bigint      NOT NULL CHECK (seq >= 0),
    source_offset    bigint      NOT NULL,
    recorded_at      timestamptz NOT NULL,
    occurred_at      timestamptz,
    organization_id  text,
    department_id    text,
    event_type       text,
    event_id         text,
    authorization_id text,
    card_id          text,
    outcome          text        NOT NULL,
    reason           text,
    amount           bigint,
    currency         text,
    duplicate_of     bigint,
    flagged          boolean     NOT NULL,
    score            double precision,
    hash             text        NOT NULL,
    record           text        NOT NULL,
    PRIMARY KEY (partition, seq)
);
COMMENT ON COLUMN decision.reason IS 'code of the first reason; null: nothing to explain';
COMMENT ON COLUMN decision.amount IS 'minor units of currency';

-- Chart of accounts, one row when a name is first seen.
CREATE TABLE account (
    name            text        PRIMARY KEY,
    layer           text        NOT NULL CHECK (layer IN ('pending', 'posted')),
    organization_id text        NOT NULL,
    department_id   text, -- null: an account of the whole organization
    opened_at       timestamptz NOT NULL DEFAULT now()
);

-- Double entry, balanced by construction: a row is one debit and one equal credit.
CREATE TABLE transfer (
    partition        integer     NOT NULL,
    seq              bigint      NOT NULL,
    n                smallint    NOT NULL CHECK (n >= 0),
    organization_id  text        NOT NULL,
    department_id    text        NOT NULL,
    authorization_id text,
    layer            text        NOT NULL CHECK (layer IN ('pending', 'posted')),
    kind             text        NOT NULL CHECK (kind IN ('hold', 'release', 'clearing', 'refund')),
    debit_account    text        NOT NULL,
    credit_account   text        NOT NULL,
    amount           bigint      NOT NULL CHECK (amount > 0),
    currency         text        NOT NULL CHECK (length(currency) = 3),
    period           text        NOT NULL CHECK (length(period) = 7),
    occurred_at      timestamptz,
    recorded_at      timestamptz NOT NULL,
    PRIMARY KEY (partition, seq, n),
    CHECK (debit_account <> credit_account)
);
COMMENT ON TABLE transfer IS 'n: index of the effect within decision (partition, seq); amount: minor units of currency';

CREATE VIEW entry AS
SELECT t.partition, t.seq, t.n, e.account, e.direction, e.amount, t.currency, t.layer, t.kind,
       t.organization_id, t.department_id, t.authorization_id, t.period, t.occurred_at, t.recorded_at
FROM transfer t
CROSS JOIN LATERAL (
    VALUES (t.debit_account, 'debit', t.amount), (t.credit_account, 'credit', -t.amount)
) AS e (account, direction, amount);
COMMENT ON VIEW entry IS 'two rows for each transfer; amount is signed: debits above zero, credits below';

CREATE VIEW account_balance AS
SELECT account, layer, currency, sum(amount)::bigint AS balance, count(*) AS entries
FROM entry
GROUP BY account, layer, currency;

CREATE VIEW trial_balance AS
SELECT currency, layer, sum(amount)::bigint AS total, count(*) AS entries
FROM entry
GROUP BY currency, layer;
COMMENT ON VIEW trial_balance IS 'total must be 0 in every row';

-- Read models: what the log says now. Everything in them can be made again from the log.

-- The key's order also serves a look-up by organization and authorization alone.
CREATE TABLE card_authorization (
    organization_id  text   NOT NULL,
    authorization_id text   NOT NULL,
    department_id    text   NOT NULL,
    status           text   NOT NULL,
    currency         text   NOT NULL,
    partition        integer NOT NULL,
    seq              bigint NOT NULL,
    card_id          text,
    occurred_at      timestamptz,
    updated_at       timestamptz,
    requested        bigint NOT NULL,
    held             bigint NOT NULL,
    posted           bigint NOT NULL,
    refunded         bigint NOT NULL,
    body             json   NOT NULL,
    PRIMARY KEY (organization_id, authorization_id, department_id)
) WITH (fillfactor = 80); -- most are updated once: by their clearing
COMMENT ON COLUMN card_authorization.body IS 'schemas.authorizations.Authorization, byte for byte as encoded';

CREATE TABLE department_budget (
    organization_id text    NOT NULL,
    department_id   text    NOT NULL,
    name            text    NOT NULL,
    currency        text    NOT NULL,
    time_zone       text    NOT NULL,
    limit_minor     bigint  NOT NULL,
    partition       integer NOT NULL,
    seq             bigint  NOT NULL,
    PRIMARY KEY (organization_id, department_id)
);

CREATE TABLE budget_period (
    organization_id text    NOT NULL,
    department_id   text    NOT NULL,
    period          text    NOT NULL CHECK (length(period) = 7),
    limit_minor     bigint  NOT NULL,
    posted_minor    bigint  NOT NULL,
    held_minor      bigint  NOT NULL,
    partition       integer NOT NULL,
    seq             bigint  NOT NULL,
    PRIMARY KEY (organization_id, department_id, period)
) WITH (fillfactor = 50);

CREATE TABLE api_key (
    id              text        PRIMARY KEY,
    organization_id text        NOT NULL,
    name            text        NOT NULL,
    prefix          text        NOT NULL,
    key_sha256      bytea       NOT NULL UNIQUE CHECK (length(key_sha256) = 32),
    scopes          text[]      NOT NULL DEFAULT '{}',
    created_at      timestamptz NOT NULL DEFAULT now(),
    revoked_at      timestamptz
);

-- migrate:down

-- Forward only: going back would drop bookings.
DO $$ BEGIN RAISE EXCEPTION 'forward only: this migration holds the ledger and is not rolled back'; END $$;
