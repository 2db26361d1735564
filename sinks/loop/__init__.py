"""One sink's loop: read the log, hand over batches, store rows and place together, go on after anything."""
