"""Bank statements: files read and kept, lines that propose whose they are, and what is booked from each.

reading    a file, whatever its format, as statements; or its columns, where somebody has to describe them
keeping    statements kept, each once, and of lines that stand in several one
payers     what is known of those whom lines can speak of
proposals  what is proposed for lines, each with its reason
booking    a line is booked, as payments, as one that came back, or as money paid back
exact      all exact lines at once, some at a time. It commits
putting    lines set aside, and put back
lists      statements, lines of one, and what they come to
"""
