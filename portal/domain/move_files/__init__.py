"""Files to move in with: what the columns of each kind say (what any file has in common: portal.domain.csv_files).

columns    a column: its names, what it is for, and how what stands in it is read
layout     which column of a file says what, and how it writes days and numbers
lines      a line of a file, read
customers, packages   the columns of each kind of file
"""
