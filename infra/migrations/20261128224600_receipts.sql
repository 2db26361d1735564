-- migrate:up

-- Receipts and their files: docs/decisions/0060 and 0061. A file is kept once for each organization, whoever sent it.
CREATE TABLE receipt_file (
    organization_id text        NOT NULL CHECK (length(organization_id) BETWEEN 1 AND 64),
    sha256          text        NOT NULL CHECK (length(sha256) = 64), -- of what was sent, in hex
    media_type      text        NOT NULL CHECK (
        media_type IN ('image/jpeg', 'image/png', 'image/webp', 'application/pdf')),
    pages           integer     NOT NULL CHECK (pages > 0),
    content         bytea       NOT NULL CHECK (length(content) BETWEEN 1 AND 20000000), -- written anew, not as it was sent
    kept_at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, sha256)
);
ALTER TABLE receipt_file ALTER COLUMN content SET STORAGE EXTERNAL; -- pictures are compressed already
SELECT tenant_wall('receipt_file');

CREATE TABLE receipt (
    organization_id  text        NOT NULL CHECK (length(organization_id) BETWEEN 1 AND 64),
    receipt_id       text        NOT NULL CHECK (length(receipt_id) BETWEEN 1 AND 64),
    sha256           text        NOT NULL,
    file_name        text        NOT NULL CHECK (length(file_name) BETWEEN 1 AND 200),
    sent_bytes       integer     NOT NULL CHECK (sent_bytes > 0),
    employee         text        CHECK (length(employee) BETWEEN 1 AND 200), -- whose purchases it may be of; null: anybody's
    uploaded_by      text        NOT NULL CHECK (length(uploaded_by) BETWEEN 1 AND 200),
    uploaded_at      timestamptz NOT NULL DEFAULT now(),
    read_at          timestamptz, -- null: not yet
    fault            text        CHECK (length(fault) BETWEEN 1 AND 500), -- why it cannot be read
    reading          jsonb, -- infra.receipts.fields.ReceiptReading
    suggestions      jsonb       NOT NULL DEFAULT '[]', -- infra.receipts.match.Suggestion, the likeliest first
    refused          text[]      NOT NULL DEFAULT '{}', -- DEPARTMENT/AUTHORIZATION: of these it is not
    department_id    text        CHECK (length(department_id) BETWEEN 1 AND 64), -- linked, else of the first suggestion
    authorization_id text        CHECK (length(authorization_id) BETWEEN 1 AND 128), -- linked; null: to none
    linked_by        text        CHECK (length(linked_by) BETWEEN 1 AND 200), -- null: by itself
    linked_at        timestamptz,
    duplicate_of     text, -- an earlier receipt with the same file, or the same merchant, day and total
    status           text        NOT NULL GENERATED ALWAYS AS (
        CASE
            WHEN authorization_id IS NOT NULL THEN 'matched'
            WHEN read_at IS NULL THEN 'waiting'
            WHEN fault IS NOT NULL THEN 'unreadable'
            WHEN suggestions <> '[]' THEN 'suggested'
            ELSE 'unmatched'
        END
    ) STORED,
    PRIMARY KEY (organization_id, receipt_id),
    FOREIGN KEY (organization_id, sha256) REFERENCES receipt_file,
    CHECK ((authorization_id IS NULL) = (linked_at IS NULL)),
    CHECK (authorization_id IS NULL OR department_id IS NOT NULL)
);
COMMENT ON COLUMN receipt.linked_by IS 'actor; null: it was matched by itself';
CREATE INDEX receipt_by_time ON receipt (organization_id, uploaded_at DESC, receipt_id DESC);
CREATE INDEX receipt_by_file ON receipt (organization_id, sha256);
CREATE INDEX receipt_open ON receipt (organization_id, uploaded_at) WHERE status IN ('suggested', 'unmatched');
CREATE INDEX receipt_by_purchase ON receipt (organization_id, authorization_id, department_id)
    WHERE authorization_id IS NOT NULL;
-- By itself a purchase gets one receipt, whatever two jobs do at a time; by hand it may get its second page.
CREATE UNIQUE INDEX receipt_matched_once ON receipt (organization_id, authorization_id, department_id)
    WHERE authorization_id IS NOT NULL AND linked_by IS NULL;
SELECT tenant_wall('receipt');

GRANT SELECT, INSERT, DELETE ON receipt_file TO spendlog_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON receipt TO spendlog_api;
GRANT SELECT ON receipt, receipt_file TO spendlog_auditor;

-- Purchases come in after their receipts, too: asks to look once more, for each organization that has open ones.
CREATE FUNCTION receipts_look_again() RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT count(job_put(open.organization_id, 'receipts', 'match', 'open', '{}'))
    FROM (
        SELECT DISTINCT organization_id FROM receipt
        WHERE status IN ('suggested', 'unmatched') AND uploaded_at > now() - interval '60 days'
    ) AS open;
$$;
-- Files that no receipt has, an hour after they came: their upload broke off.
CREATE FUNCTION receipts_sweep() RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH gone AS (
        DELETE FROM receipt_file AS f
        WHERE f.kept_at < now() - interval '1 hour' AND NOT EXISTS (
            SELECT FROM receipt AS r WHERE r.organization_id = f.organization_id AND r.sha256 = f.sha256)
        RETURNING 1
    )
    SELECT count(*) FROM gone;
$$;
REVOKE ALL ON FUNCTION receipts_look_again(), receipts_sweep() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION receipts_look_again(), receipts_sweep() TO spendlog_jobs;

-- migrate:down

DROP FUNCTION receipts_look_again(), receipts_sweep();
DROP TABLE receipt;
DROP TABLE receipt_file;
