"""Versions of the services, the same in `infra/compose.yaml` (a test compares them)."""

KAFKA = "4.3.0"
POSTGRES = "18"
VALKEY = "9"
SLF4J = "2.0.17"
