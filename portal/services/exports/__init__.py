"""Every list as a file: CSV, or a workbook for Excel, as it is filtered and ordered.

table     what a list names once: its columns, and its rows a chunk at a time
files     both kinds of file, of any length

Each list has a module that names its columns: packages, customers, dids, assignments, charges (also as accounts
import them), upcoming, runs, payments, statement, owed, margins, calls, notes, audit. What can be imported has the
headings that its import knows.
"""
