"""Files of calls: what a layout says, how text becomes rows, what stands in a cell, what a whole file proves.

layout     how the files of one system say what a call is: described once, then remembered
names      what columns are called, and the exports that are known by their names
text       what stands between the cells, and which lines make a record
proof      what the columns of a whole file prove: the order of day and month, decimal signs, lengths
proposing  the layout that names and proof lead to, and what has to be asked
cells      amounts, lengths and numbers as they are written
times      when a call started
"""
