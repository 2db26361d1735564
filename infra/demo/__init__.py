"""The demo: everything started as processes of its own, a story over HTTP, and many events over Kafka."""
