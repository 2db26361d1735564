-- Must be 0 in every row.
SELECT currency, layer, total, entries FROM trial_balance ORDER BY currency, layer;
