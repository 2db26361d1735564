-- Transfers by kind and currency, of the organizations whose id ends with the run's tag.
SELECT kind, currency, count(*), sum(amount)
FROM transfer
WHERE organization_id LIKE '%%' || %(tag)s
GROUP BY kind, currency
ORDER BY kind, currency;
