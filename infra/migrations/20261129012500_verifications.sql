-- migrate:up

-- Proofs of the books against the log, as `spendlog jobs` made them: docs/decisions/0070. Nothing here is a tenant's.
CREATE TABLE verification (
    verification_id bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    started_at      timestamptz NOT NULL,
    took_ms         bigint      NOT NULL CHECK (took_ms >= 0),
    decisions       bigint      NOT NULL CHECK (decisions >= 0),
    holds           boolean     NOT NULL,
    places          jsonb       NOT NULL,
    checks          jsonb       NOT NULL
);
COMMENT ON COLUMN verification.places IS 'partition -> up to where its card events and decisions were read';
COMMENT ON COLUMN verification.checks IS 'each claim: how often it was looked at, and found false';

-- What was found false, for each organization that it is about; of '_operators' is what is about none or all of them.
CREATE TABLE verification_finding (
    verification_id bigint NOT NULL REFERENCES verification ON DELETE CASCADE,
    organization_id text   NOT NULL CHECK (length(organization_id) BETWEEN 1 AND 64),
    check_id        text   NOT NULL CHECK (length(check_id) BETWEEN 1 AND 10),
    violations      bigint NOT NULL CHECK (violations > 0),
    examples        text[] NOT NULL CHECK (cardinality(examples) BETWEEN 1 AND 10),
    PRIMARY KEY (verification_id, organization_id, check_id)
);
SELECT tenant_wall('verification_finding');
-- Who runs the system looks at all of it; who proves the books writes it.
CREATE POLICY operators ON verification_finding FOR SELECT TO spendlog_api
    USING ((SELECT current_setting('spendlog.organization', true)) = '_operators');
CREATE POLICY jobs ON verification_finding TO spendlog_jobs USING (true);

GRANT SELECT ON verification, verification_finding TO spendlog_api, spendlog_auditor;
GRANT INSERT, DELETE ON verification, verification_finding TO spendlog_jobs;

-- migrate:down

DROP TABLE verification_finding;
DROP TABLE verification;
