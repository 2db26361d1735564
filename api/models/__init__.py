"""What the API takes and gives, by theme. Amounts are integers of minor units; times are RFC 3339."""
