"""Events of any type from outside: who may send which, reading one, and their description."""
