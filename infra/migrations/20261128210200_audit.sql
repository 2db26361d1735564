-- migrate:up

-- What people and keys changed, and what they were refused: one chain for each organization. A record's hash
-- covers its content and the hash before it, so a record that is changed, left out or put between breaks the
-- chain from there on; `spendlog verify` computes it anew. Of what changes money the log of decisions is the
-- truth: such a record names its `position` there.
CREATE TABLE audit_record (
    organization_id text        NOT NULL CHECK (length(organization_id) BETWEEN 1 AND 64),
    seq             bigint      NOT NULL,
    at              timestamptz NOT NULL,
    actor           text        NOT NULL CHECK (length(actor) BETWEEN 1 AND 200),
    actor_id        text, -- usr_... or key_...; null: the command line
    role            text, -- of a person; null: a key has scopes
    request_id      text,
    address         text,
    action          text        NOT NULL CHECK (length(action) BETWEEN 1 AND 100),
    outcome         text        NOT NULL CHECK (outcome IN ('done', 'refused')),
    reason          text CHECK ((outcome = 'refused') = (reason IS NOT NULL)),
    resource        text        NOT NULL CHECK (length(resource) BETWEEN 1 AND 300),
    times           integer     NOT NULL CHECK (times > 0),
    position        text,
    before          json, -- json and not jsonb: it keeps the text that was hashed
    after           json,
    hash            bytea       NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (organization_id, seq)
);
COMMENT ON COLUMN audit_record.times IS 'of one refusal that came again and again: how often within a minute';
CREATE INDEX audit_record_at ON audit_record (organization_id, at);
CREATE INDEX audit_record_actor ON audit_record (organization_id, actor, seq);
CREATE INDEX audit_record_resource ON audit_record (organization_id, resource, seq);
SELECT tenant_wall('audit_record');

-- Where each chain ends. Who takes records off its end must change this as well, which no role may.
CREATE TABLE audit_head (
    organization_id text   PRIMARY KEY,
    seq             bigint NOT NULL,
    hash            bytea  NOT NULL
) WITH (fillfactor = 50);
SELECT tenant_wall('audit_head');

CREATE FUNCTION refuse_audit_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION '% of % refused: append-only', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_record
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
ALTER TABLE audit_record ENABLE ALWAYS TRIGGER append_only;

-- The one way to write a record: at the end of the transaction whose change it tells, because those of one
-- organization wait here for each other. `spendlog.organization` says whose it is.
CREATE FUNCTION audit_append(p_record jsonb) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    o_organization text := nullif(current_setting('spendlog.organization', true), '');
    o_head audit_head;
    o_new audit_record;
BEGIN
    INSERT INTO audit_head VALUES (o_organization, 0, decode(repeat('00', 32), 'hex')) ON CONFLICT DO NOTHING;
    SELECT * INTO o_head FROM audit_head WHERE organization_id = o_organization FOR UPDATE;
    o_new := ROW(
        o_organization, o_head.seq + 1, clock_timestamp(), p_record ->> 'actor', p_record ->> 'actor_id',
        p_record ->> 'role', p_record ->> 'request_id', p_record ->> 'address', p_record ->> 'action',
        p_record ->> 'outcome', p_record ->> 'reason', p_record ->> 'resource',
        coalesce((p_record ->> 'times')::integer, 1), p_record ->> 'position',
        nullif(p_record -> 'before', 'null')::text::json, nullif(p_record -> 'after', 'null')::text::json, NULL);
    o_new.hash := sha256(o_head.hash || convert_to(json_build_array(
        o_new.organization_id, o_new.seq, to_char(o_new.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        o_new.actor, o_new.actor_id, o_new.role, o_new.request_id, o_new.address, o_new.action, o_new.outcome,
        o_new.reason, o_new.resource, o_new.times, o_new.position, o_new.before::text, o_new.after::text
    )::text, 'UTF8'));
    INSERT INTO audit_record SELECT o_new.*;
    UPDATE audit_head SET seq = o_new.seq, hash = o_new.hash WHERE organization_id = o_organization;
    RETURN o_new.seq;
END
$$;

-- A key that is no longer good: whose it was, so that its use is told. Nothing else of it.
CREATE FUNCTION access_ended_key(p_sha256 bytea) RETURNS TABLE (organization_id text, id text, actor text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT k.organization_id, k.id, k.actor FROM api_key k
    WHERE k.key_sha256 = p_sha256 AND (k.revoked_at IS NOT NULL OR k.expires_at <= now());
$$;

REVOKE ALL ON FUNCTION audit_append(jsonb), access_ended_key(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_append(jsonb), access_ended_key(bytea) TO spendlog_api;
GRANT SELECT ON audit_record, audit_head TO spendlog_api, spendlog_auditor;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: the record of what was done would be lost'; END $$;
