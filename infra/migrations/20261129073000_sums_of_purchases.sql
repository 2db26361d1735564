-- migrate:up

-- What questions add up, beside the purchases: a tenth of what they take themselves, so that a sum over all of them reads
-- this alone. Without those that were ever disputed, whose sums ask what they became; without their ids, for an entry of
-- an index is 2,700 bytes at most.
CREATE INDEX transaction_sums ON card_authorization (organization_id, created_at)
    INCLUDE (department_id, card_id, cardholder, merchant_key, mcc, currency, status, amount, authorized, held, posted,
        refunded)
    WHERE disputed = 0;
CREATE INDEX transaction_disputed ON card_authorization (organization_id, created_at) WHERE disputed > 0;

-- migrate:down

DROP INDEX transaction_sums, transaction_disputed;
