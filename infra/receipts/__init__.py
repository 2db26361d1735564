"""What stands on a receipt, and which purchase it is of."""
