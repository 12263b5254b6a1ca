"""What the owner wants to know: what recurs, what falls due, what came in, and what needs a look.

recurring, due, history and watch each answer one question. Sums never mix currencies. All is added up by the
database, or planned for a bounded number of assignments, and remembered until something changes (remembering).
"""
