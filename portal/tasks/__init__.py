"""What is done while nobody waits for it: long runs and imports, mail, and what comes every day.

On PostgreSQL these are jobs of a queue (Procrastinate), done by any number of `portal worker` on any number of
machines; on SQLite the portal starts a process of its own for each. What a job does is what a command does, by the same
functions of the services.
"""
