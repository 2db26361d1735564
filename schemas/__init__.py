"""What crosses a topic: events, decisions, money, identifiers and the topics themselves.

Imports nothing else of this project, so that every room can read every topic.
"""
