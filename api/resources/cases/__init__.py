"""Cases: payments that somebody should look at, listed, assigned and decided."""
