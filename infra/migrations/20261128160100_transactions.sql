-- migrate:up

-- What lists of transactions go by: docs/decisions/0038. A purchase's own time, its merchant and category, and
-- whether somebody should look at it. `amount`: what it comes to now.
ALTER TABLE card_authorization
    ADD COLUMN created_at timestamptz,
    ADD COLUMN cardholder text CONSTRAINT card_authorization_cardholder_bound
        CHECK (length(cardholder) BETWEEN 0 AND 200),
    ADD COLUMN merchant_key text CONSTRAINT card_authorization_merchant_key_bound
        CHECK (length(merchant_key) BETWEEN 1 AND 200),
    ADD COLUMN mcc text CONSTRAINT card_authorization_mcc_bound CHECK (length(mcc) BETWEEN 4 AND 4),
    ADD COLUMN flagged boolean NOT NULL DEFAULT false,
    ADD COLUMN review boolean NOT NULL DEFAULT false,
    ADD COLUMN amount bigint GENERATED ALWAYS AS (
        CASE
            WHEN posted > 0 THEN posted
            WHEN held > 0 THEN held
            WHEN requested > 0 OR authorized > 0 THEN greatest(requested, authorized)
            ELSE least(refunded, 9223372036854775807)::bigint
        END
    ) STORED;
COMMENT ON COLUMN card_authorization.created_at IS
    'when it was first heard of, in the time of events; it never changes';
COMMENT ON COLUMN card_authorization.merchant_key IS 'schemas.names.merchant_key of the merchant''s name';
COMMENT ON COLUMN card_authorization.flagged IS 'by the model, when its request was answered';
COMMENT ON COLUMN card_authorization.review IS 'a rule wants somebody to look at it';
COMMENT ON COLUMN card_authorization.amount IS
    'minor units of currency: settled, else held, else asked for, else refunded';

-- The names of merchants, for searches: thousands, where there are millions of purchases.
CREATE TABLE merchant (
    organization_id text NOT NULL CONSTRAINT merchant_organization_id_bound
        CHECK (length(organization_id) BETWEEN 1 AND 64),
    merchant_key text NOT NULL CONSTRAINT merchant_merchant_key_bound
        CHECK (length(merchant_key) BETWEEN 1 AND 200),
    name text NOT NULL CONSTRAINT merchant_name_bound CHECK (length(name) BETWEEN 1 AND 200),
    PRIMARY KEY (organization_id, merchant_key)
);
COMMENT ON COLUMN merchant.name IS 'as it was written when it was first seen';

-- Purchases from before. A key is what SQL can say of it; `spendlog books rebuild` makes them as the sink does.
UPDATE card_authorization
SET created_at = coalesce((body ->> 'begun_at')::timestamptz, occurred_at, updated_at),
    cardholder = CASE WHEN body::text NOT LIKE '%\u0000%' THEN body ->> 'cardholder' END,
    merchant_key = CASE WHEN body::text NOT LIKE '%\u0000%' THEN lower(body -> 'merchant' ->> 'name') END,
    mcc = body -> 'merchant' ->> 'mcc',
    flagged = coalesce((body -> 'score' ->> 'flagged')::boolean, false),
    review = coalesce(json_array_length(body -> 'reviews'), 0) > 0;
INSERT INTO merchant (organization_id, merchant_key, name)
SELECT organization_id, merchant_key, min(body -> 'merchant' ->> 'name')
FROM card_authorization
WHERE merchant_key IS NOT NULL
GROUP BY organization_id, merchant_key;
ALTER TABLE card_authorization ALTER COLUMN created_at SET NOT NULL;

-- One for each filter, in the order of the list: a page is the first rows of an index, however many there are.
CREATE INDEX transaction_by_time ON card_authorization (
    organization_id, created_at, authorization_id, department_id);
CREATE INDEX transaction_by_department ON card_authorization (
    organization_id, department_id, created_at, authorization_id);
CREATE INDEX transaction_by_card ON card_authorization (
    organization_id, card_id, created_at, authorization_id, department_id);
CREATE INDEX transaction_by_cardholder ON card_authorization (
    organization_id, cardholder, created_at, authorization_id, department_id) WHERE cardholder IS NOT NULL;
CREATE INDEX transaction_by_merchant ON card_authorization (
    organization_id, merchant_key, created_at, authorization_id, department_id);
CREATE INDEX transaction_by_category ON card_authorization (
    organization_id, mcc, created_at, authorization_id, department_id);
CREATE INDEX transaction_by_status ON card_authorization (
    organization_id, status, created_at, authorization_id, department_id);
CREATE INDEX transaction_by_amount ON card_authorization (
    organization_id, amount, authorization_id, department_id);
CREATE INDEX transaction_flagged ON card_authorization (
    organization_id, created_at, authorization_id, department_id) WHERE flagged;
CREATE INDEX transaction_for_review ON card_authorization (
    organization_id, created_at, authorization_id, department_id) WHERE review;

GRANT SELECT, INSERT ON merchant TO spendlog_sink;
GRANT SELECT ON merchant TO spendlog_api, spendlog_auditor;

-- migrate:down

DROP TABLE merchant;
DROP INDEX transaction_by_time, transaction_by_department, transaction_by_card, transaction_by_cardholder,
    transaction_by_merchant, transaction_by_category, transaction_by_status, transaction_by_amount,
    transaction_flagged, transaction_for_review;
ALTER TABLE card_authorization
    DROP COLUMN amount, DROP COLUMN created_at, DROP COLUMN cardholder, DROP COLUMN merchant_key,
    DROP COLUMN mcc, DROP COLUMN flagged, DROP COLUMN review;
