-- The company's cap, if it has one.
SELECT
    (SELECT next_seq FROM sink_position WHERE sink = 'ledger' AND partition = %(partition)s) AS next_seq,
    (
        SELECT json_build_object('currency', currency, 'limit_minor', limit_minor, 'departments', departments)
        FROM company_cap
        WHERE organization_id = %(organization_id)s
    ) AS cap
