"""Cards: registered, looked at, frozen, canceled."""
