-- What a decision settled, for who takes it back: payment, refund, card and department.
SELECT d.department_id, d.authorization_id, d.card_id, (
    SELECT effect ->> 'refund_id' FROM json_array_elements(d.record::json -> 'effects') AS effect
    WHERE effect ->> 'effect' = 'refunded'
) AS refund_id, (
    SELECT min(effect ->> 'authorization_id') FROM json_array_elements(d.record::json -> 'effects') AS effect
    WHERE effect ->> 'effect' = 'posted'
) AS posted_to
FROM decision d
WHERE d.organization_id = %(organization_id)s AND d.partition = %(partition)s AND d.seq = %(seq)s
