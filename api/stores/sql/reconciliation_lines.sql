-- Lines of a file that is being received; those that are there already stay as they are. `file`: null: it takes none.
WITH file AS (
    SELECT file_id, lines FROM settlement_file
    WHERE organization_id = %(organization_id)s AND file_id = %(file_id)s AND status = 'receiving'
    FOR SHARE
), added AS (
    INSERT INTO settlement_item (
        organization_id, file_id, n, number, refund, minor, currency, day, bought, reference, authorization_id, card_id,
        merchant, merchant_key, unreadable)
    SELECT
        %(organization_id)s, file.file_id, one.n, one.number, one.refund, one.minor, one.currency, one.day, one.bought,
        one.reference, one.authorization_id, one.card_id, one.merchant, one.merchant_key, one.unreadable
    FROM file, jsonb_to_recordset(%(lines)s::jsonb) AS one (
        n integer, number integer, refund boolean, minor bigint, currency text, day date, bought date, reference text,
        authorization_id text, card_id text, merchant text, merchant_key text, unreadable text)
    WHERE one.n <= file.lines
    ON CONFLICT DO NOTHING
    RETURNING n
)
SELECT (SELECT file_id FROM file) AS file, (SELECT count(*) FROM added) AS added
