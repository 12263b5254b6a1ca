"""Files of rows as people have them: what any CSV has in common, be it of calls or of DIDs.

text     what stands between the cells, and which lines make a record
heading  which line names the columns, and how names are compared
layout   how the files of one system say what they hold: described once, then remembered
proof    what the columns of a whole file prove: the order of day and month, decimal signs, numbers
cells    what any cell may hold, and why one cannot be read
dates    days as they are written, in whatever order
"""
