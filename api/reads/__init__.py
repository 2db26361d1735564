"""What the views hold, read at or after a log position."""
