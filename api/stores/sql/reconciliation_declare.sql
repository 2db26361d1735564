INSERT INTO settlement_file (
    organization_id, file_id, name, format, digest, lines, account, since, until, time_zone, days_max, replaces,
    uploaded_by)
VALUES (
    %(organization_id)s, %(file_id)s, %(name)s, %(format)s, %(digest)s, %(lines)s, %(account)s::jsonb, %(since)s,
    %(until)s, %(time_zone)s, %(days_max)s, %(replaces)s, %(uploaded_by)s)
ON CONFLICT (organization_id, file_id) DO NOTHING
RETURNING file_id
