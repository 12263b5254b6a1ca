"""Files of calls: what a layout says, and what stands in a cell (what any file has in common: portal.domain.csv_files).

layout     how the files of one system say what a call is: described once, then remembered
names      what columns are called, and the exports that are known by their names
proposing  the layout that names and proof lead to, and what has to be asked
cells      amounts, lengths and numbers as they are written
times      when a call started
"""
