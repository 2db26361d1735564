-- The end of an organization's audit log with its hashes computed anew, as audit_append computed them.
WITH record AS MATERIALIZED (
    SELECT * FROM audit_record
    WHERE organization_id = %(organization_id)s
    ORDER BY seq DESC
    LIMIT %(rows_max)s
), linked AS (
    SELECT seq, hash, lag(seq) OVER newest AS seq_before, lag(hash) OVER newest AS hash_before,
        convert_to(json_build_array(
            organization_id, seq, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            actor, actor_id, role, request_id, address, action, outcome, reason, resource, times, position,
            before::text, after::text
        )::text, 'UTF8') AS content
    FROM record
    WINDOW newest AS (ORDER BY seq)
), judged AS (
    SELECT seq, hash,
        CASE
            WHEN seq = 1 THEN hash = sha256(decode(repeat('00', 32), 'hex') || content)
            WHEN seq_before IS NULL THEN true -- the first that was looked at: nothing to compare it with
            ELSE seq = seq_before + 1 AND hash = sha256(hash_before || content)
        END AS follows
    FROM linked
), known AS (
    SELECT seq, hash FROM audit_head WHERE organization_id = %(organization_id)s
)
SELECT
    (SELECT count(*) FROM judged) AS checked,
    (SELECT max(seq) FROM judged WHERE NOT follows) AS broken,
    NOT EXISTS (SELECT FROM known)
        OR EXISTS (SELECT FROM judged AS j JOIN known AS k ON k.seq = j.seq AND k.hash = j.hash) AS whole,
    coalesce((SELECT encode(hash, 'hex') FROM judged ORDER BY seq DESC LIMIT 1), '') AS hash
