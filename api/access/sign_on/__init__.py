"""Single sign-on: an organization's identity providers say who somebody is."""
