"""Messages of card networks, and what people ask and answer, each by a route of its own."""
