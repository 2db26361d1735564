-- No row: this person is another subject of the provider already.
INSERT INTO provider_identity (organization_id, provider_id, subject, person_id)
VALUES (%(organization_id)s, %(provider_id)s, %(subject)s, %(person_id)s)
ON CONFLICT DO NOTHING
RETURNING person_id
