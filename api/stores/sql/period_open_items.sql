-- What speaks against closing a month: open items of its days or before, files that are not matched yet, a later month
-- that is closed.
SELECT
    (
        SELECT count(*) FROM settlement_item
        WHERE organization_id = %(organization_id)s AND is_open
            AND coalesce(day, (
                SELECT since FROM settlement_file AS file
                WHERE file.organization_id = settlement_item.organization_id AND file.file_id = settlement_item.file_id
            )) < (%(until)s::timestamptz AT TIME ZONE %(time_zone)s)::date
    ) AS open,
    (
        SELECT count(*) FROM settlement_file
        WHERE organization_id = %(organization_id)s AND status IN ('receiving', 'matching')
            AND since < (%(until)s::timestamptz AT TIME ZONE %(time_zone)s)::date
    ) AS unmatched,
    (
        SELECT max(period) FROM period_close WHERE organization_id = %(organization_id)s
    ) AS last
