"""Events of any type, as they stand on the topic."""
