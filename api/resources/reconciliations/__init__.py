"""Settlement files of processors: received, matched, what is open in them resolved; months closed."""
