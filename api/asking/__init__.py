"""An event in, its decision out: within a bound, once, and true for ever."""
