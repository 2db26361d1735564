-- What is known of the payments that journal entries are about.
SELECT
    (SELECT next_seq FROM sink_position WHERE sink = 'ledger' AND partition = %(partition)s) AS next_seq,
    (
        SELECT coalesce(json_agg(json_build_object(
            'authorization_id', a.authorization_id, 'department_id', a.department_id,
            'merchant', a.body -> 'merchant' ->> 'name', 'mcc', a.mcc, 'card_id', a.card_id,
            'person', a.cardholder)), '[]')
        FROM unnest(%(authorizations)s::text[], %(departments)s::text[]) AS asked (authorization_id, department_id)
        JOIN card_authorization AS a
            ON a.organization_id = %(organization_id)s AND a.authorization_id = asked.authorization_id
            AND a.department_id = asked.department_id
    ) AS payments
