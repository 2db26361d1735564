"""The state after a decision: effects applied, and nothing asked. Imports state and effects, never rules."""
