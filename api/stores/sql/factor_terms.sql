-- What an organization asks of a person who has come by its provider.
SELECT p.email, p.totp_since IS NOT NULL AS second_factor, coalesce((
    SELECT o.second_factor FROM sign_on_policy AS o WHERE o.organization_id = %(organization_id)s), false) AS asked
FROM person AS p WHERE p.person_id = %(person_id)s
