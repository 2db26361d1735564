"""Who comes in: sessions, people, keys, and the record of what they did and tried."""
