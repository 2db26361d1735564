"""All that is Faust. Elsewhere in this room only the log knows its client, and none of its private names."""
