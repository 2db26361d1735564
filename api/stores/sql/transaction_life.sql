-- What was decided about a payment, and what of it was booked: all by the primary keys.
SELECT
    (SELECT next_seq FROM sink_position WHERE sink = 'ledger' AND partition = %(partition)s) AS next_seq,
    ARRAY(
        SELECT record
        FROM decision
        WHERE partition = %(of_partition)s AND seq = ANY(%(seqs)s::bigint[])
        ORDER BY seq
    ) AS records,
    (
        SELECT coalesce(json_agg(booked ORDER BY booked.seq, booked.n, booked.leg), '[]')
        FROM (
            SELECT seq, n, leg, kind, layer, debit_account, credit_account, amount, currency, period,
                compensates_seq, occurred_at, recorded_at
            FROM transfer
            WHERE partition = %(of_partition)s AND seq = ANY(%(seqs)s::bigint[])
                AND authorization_id = %(authorization_id)s
        ) AS booked
    ) AS bookings
