"""Bank statements, whatever file they come in: one shape, a reader for each format, and whose a line is.

statement   a statement and its lines, and what a line is known by when statements overlap
words       what kind a line is, by the codes and words of banks
amounts     amounts and days as banks write them
camt        CAMT.052, .053 and .054 (ISO 20022)
mt940       MT940 (SWIFT)
ofx         OFX, by which Quicken's QFX goes too
layout      how the CSV files of one bank say what a line is
proposing   the layout that names and all rows lead to, and what has to be asked
table       lines of CSV, by a layout
stripe      Stripe's itemised payout report
naming      payment references and names of payers in what banks write
matching    whose a line is, with the reason, and how certain that is
"""
