"""DIDs: taking them in, giving them to customers, and taking them back to stock."""
