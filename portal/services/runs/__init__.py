"""Runs: what is due, posted chunk by chunk; reports, what changed since a simulation, held, and what comes next."""
