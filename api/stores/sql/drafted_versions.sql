-- Which versions decisions drafted: `seqs[n]` is one of the department `departments[n]`.
SELECT
    place.next_seq,
    (
        SELECT coalesce(json_object_agg(drafted.department_id, drafted.version), '{}')
        FROM unnest(%(departments)s::text[], %(seqs)s::bigint[]) AS asked (department_id, seq)
        JOIN policy_version AS drafted
            ON drafted.organization_id = %(organization_id)s
            AND drafted.department_id = asked.department_id
            AND drafted.drafted_seq = asked.seq
    ) AS versions
FROM (SELECT 1) AS always
LEFT JOIN sink_position AS place
    ON place.sink = 'ledger' AND place.partition = %(partition)s
