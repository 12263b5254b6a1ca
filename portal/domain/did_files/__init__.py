"""Files of DIDs: what a layout says, and numbers and ranges as they are written (what any file has in common:
portal.domain.csv_files).

layout     how the files of one system say what a DID is, and what columns are called
numbers    one number, a range in one cell or in two
proposing  the layout that names and all rows lead to, and what has to be asked
"""
