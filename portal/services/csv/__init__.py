"""CSV, whatever it holds.

export   lists written, harmless to a spreadsheet
files    a file that can be read from end to end, a chunk of lines at a time
layouts  how files with such columns are read, as somebody has described it
"""
