"""Pages for people: server-rendered, on the same functions as the API's routes."""
