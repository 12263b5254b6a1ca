"""Calls: rated call records, taken in from files, each once, whatever is sent again.

columns   which column of a file says what
files     a file that can be read from end to end, a chunk of lines at a time
rows      a line of it as a call, or the reason why not
storing   calls into the database, many at once
importing one file, from being chosen to being done; stopped and gone on with
effects   what follows: free minutes, minimum spends, balances
"""
