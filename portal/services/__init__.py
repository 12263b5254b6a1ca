"""Whatever touches more than one table. Knows no HTTP and reads no clock.

Whoever calls a service commits: the request that changed something, or the command. What works through very many
things commits as it goes, a chunk a transaction: runs, imports of calls and what follows from them, the outbox, the
demo company. So do tries to sign in and the time a session was last seen, which stand whatever becomes of the request.
A module that commits says so in its docstring (tests/test_architecture.py holds it).

Each subject asks only those to its right or below (tests/test_architecture.py reads this):

    moving_in  portfolio  demo
    exports
    scenarios
    overview  deletion  summary  what_changed  search
    corrections  bank
    dids  customers  assignments  company  notices  notes
    audit
    packages  runs  calls  charges
    billing                        the heart: loading, planning, posting, minimums, positions
    credit
    people  mail  listing  csv
    once  marks  locking  copying  parts  among  again  planner  chunks  batch  bulk_acts
"""
