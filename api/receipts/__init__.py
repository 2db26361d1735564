"""Files of receipts as they come in: what they are by their content, within which bounds,
stripped of what is no picture."""
