-- The time zone of an organization's days and the first day of its year: see the function.
SELECT
    (SELECT next_seq FROM sink_position WHERE sink = 'ledger' AND partition = %(partition)s) AS next_seq,
    organization_calendar(%(organization_id)s) AS calendar
