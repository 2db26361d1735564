-- One decision as it stands in the log, if it is the organization's.
SELECT
    (SELECT next_seq FROM sink_position WHERE sink = 'ledger' AND partition = %(partition)s) AS next_seq,
    (
        SELECT record
        FROM decision
        WHERE partition = %(partition)s AND seq = %(seq)s AND organization_id = %(organization_id)s
    ) AS record
