"""Card exports: a file and a mapping become rows; rows become card events."""
