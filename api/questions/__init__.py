"""Questions in plain language: text to a typed query, to SQL on a read-only role, to an answer."""
