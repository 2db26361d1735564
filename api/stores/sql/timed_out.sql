-- Whether a timeout's reversal was decided after the request's first decision. The authorization's own row
-- ends the search: no decision about it is later. So few rows are looked at: a reversal follows its request
-- within seconds, and nothing is looked at where nothing followed the request.
SELECT
    place.next_seq,
    EXISTS (
        SELECT 1
        FROM decision
        WHERE partition = %(partition)s
            AND seq > %(first_seq)s
            AND seq <= (
                SELECT max(seq)
                FROM card_authorization
                WHERE organization_id = %(organization_id)s
                    AND authorization_id = %(authorization_id)s
                    AND department_id = %(department_id)s
            )
            AND event_id = %(reversal_id)s
            AND outcome = 'accepted'
    ) AS timed_out
FROM (SELECT 1) AS always
LEFT JOIN sink_position AS place
    ON place.sink = 'ledger' AND place.partition = %(partition)s
