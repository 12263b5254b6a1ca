"""How quick it is, measured on this machine: `make bench`, or `python -m benchmarks --help`.

engine measures the domain alone, runs the planning and posting of a large portal, pages what a person waits for.
"""
