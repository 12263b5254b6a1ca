"""People who may sign in: invited, let in, and let in no more."""
