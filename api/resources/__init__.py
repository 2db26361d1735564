"""The operations by noun: route, body, query and answer of a thing stand together."""
