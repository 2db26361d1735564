-- migrate:up

-- SAML 2.0 beside OpenID Connect. Its provider has a page and certificates instead of a client and a secret.
ALTER TABLE identity_provider
    ALTER COLUMN client_id DROP NOT NULL,
    ADD COLUMN sign_on_url text CHECK (length(sign_on_url) BETWEEN 1 AND 2000),
    ADD COLUMN certificates text[] NOT NULL DEFAULT '{}' CHECK (cardinality(certificates) <= 5),
    DROP CONSTRAINT identity_provider_protocol_check,
    ADD CONSTRAINT identity_provider_protocol_check CHECK (
        (protocol = 'oidc' AND client_id IS NOT NULL AND sign_on_url IS NULL AND cardinality(certificates) = 0)
        OR (protocol = 'saml' AND client_id IS NULL AND secret_sealed IS NULL AND sign_on_url IS NOT NULL
            AND cardinality(certificates) > 0));
ALTER TABLE person_session
    DROP CONSTRAINT person_session_method_check,
    ADD CONSTRAINT person_session_method_check CHECK (method IN ('password', 'link', 'oidc', 'saml')) NOT VALID;
GRANT SELECT (sign_on_url, certificates), UPDATE (sign_on_url, certificates) ON identity_provider TO spendlog_api;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: identity providers would be lost'; END $$;
