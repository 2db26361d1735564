"""How good the scores are: labelled requests, scored first and learned from later, as a stream would be."""
