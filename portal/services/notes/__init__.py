"""Notes on customers: writing them, coming back to them, finding them (billing-rules 20)."""
