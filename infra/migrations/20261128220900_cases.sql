-- migrate:up

-- A case is a payment that the model flagged or a rule wants looked at: docs/decisions/0058. How it stands follows from
-- the log, as all of this table does; who looks into it is in no log.
ALTER TABLE card_authorization
    ADD COLUMN case_status text CHECK (case_status IN ('open', 'decided')),
    ADD COLUMN label text CHECK (label IN ('fraud', 'legitimate', 'unsure')),
    ADD COLUMN score double precision NOT NULL DEFAULT -1;
COMMENT ON COLUMN card_authorization.case_status IS 'null: nobody need look at it';
COMMENT ON COLUMN card_authorization.label IS 'the latest: what it turned out to be';
COMMENT ON COLUMN card_authorization.score IS 'of the model, when its request was answered; -1: none';

-- Payments from before, with their latest label. The body is what the sink goes on from; it is JSON as the sink
-- wrote it, and ends with its brace.
UPDATE card_authorization a
SET label = l.label,
    score = coalesce((a.body -> 'score' ->> 'value')::double precision, -1),
    case_status = l.status,
    body = (left(a.body::text, -1)
        || CASE WHEN l.status IS NULL THEN '' ELSE ',"case":' || to_json(l.status) END
        || CASE WHEN l.label IS NULL THEN '' ELSE ',"label":' || json_strip_nulls(json_build_object(
            'label', l.label, 'source', l.source, 'actor', l.actor, 'at', l.at)) END
        || '}')::json
FROM (
    SELECT p.organization_id, p.department_id, p.authorization_id, d.label, d.source, d.actor, d.at,
        CASE
            WHEN NOT (p.flagged OR p.review) THEN NULL
            WHEN d.label <> 'unsure' OR d.source = 'review' THEN 'decided'
            ELSE 'open'
        END AS status
    FROM card_authorization p
    LEFT JOIN (
        SELECT DISTINCT ON (organization_id, department_id, authorization_id)
            organization_id, department_id, authorization_id, actor, (record::json ->> 'occurred_at') AS at,
            record::json -> 'effects' -> 0 ->> 'label' AS label,
            record::json -> 'effects' -> 0 ->> 'source' AS source
        FROM decision
        WHERE event_type = 'authorization.labelled' AND outcome = 'accepted' AND duplicate_of IS NULL
            AND record::json -> 'effects' -> 0 ->> 'effect' = 'payment_labelled'
        ORDER BY organization_id, department_id, authorization_id, seq DESC
    ) AS d USING (organization_id, department_id, authorization_id)
) AS l
WHERE a.organization_id = l.organization_id AND a.department_id = l.department_id
    AND a.authorization_id = l.authorization_id
    AND (l.status IS NOT NULL OR l.label IS NOT NULL OR a.body -> 'score' IS NOT NULL);

-- A page of cases is the first rows of one of these; nine payments in ten thousand are in them, or one in a hundred.
CREATE INDEX case_by_time ON card_authorization (
    organization_id, case_status, created_at, authorization_id, department_id) WHERE case_status IS NOT NULL;
CREATE INDEX case_by_score ON card_authorization (
    organization_id, case_status, score, authorization_id, department_id) WHERE case_status IS NOT NULL;

CREATE TABLE case_assignment (
    organization_id  text        NOT NULL CHECK (length(organization_id) BETWEEN 1 AND 64),
    department_id    text        NOT NULL CHECK (length(department_id) BETWEEN 1 AND 64),
    authorization_id text        NOT NULL CHECK (length(authorization_id) BETWEEN 1 AND 128),
    assignee         text        NOT NULL CHECK (length(assignee) BETWEEN 1 AND 200),
    assigned_by      text        NOT NULL CHECK (length(assigned_by) BETWEEN 1 AND 200),
    assigned_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, authorization_id, department_id)
);
CREATE INDEX case_assignment_of ON case_assignment (organization_id, assignee);
COMMENT ON COLUMN case_assignment.assignee IS 'who looks into it: an e-mail address, or the actor of a key';
SELECT tenant_wall('case_assignment');
GRANT SELECT, INSERT, UPDATE, DELETE ON case_assignment TO spendlog_api;
GRANT SELECT ON case_assignment TO spendlog_auditor;

-- migrate:down

DROP TABLE case_assignment;
DROP INDEX case_by_time, case_by_score;
ALTER TABLE card_authorization DROP COLUMN case_status, DROP COLUMN label, DROP COLUMN score;
