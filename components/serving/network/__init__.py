"""Who may talk to an engine and whom it may talk to."""
