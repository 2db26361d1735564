"""From card events to decisions: the pure core, its owner for each partition, and the Faust worker."""
