"""Moving in: customers, packages and the rest from files, checked before anything is stored.

tables     a file as rows, whatever it was
kind       what a kind of file is: what would become of its lines, making it, taking it back
kinds      the kinds there are
customers, packages   a kind each
accepting  a file kept, its layout found or asked for
planning   what would become of a file: a read
making     the same, stored: some things at a time, gone on with wherever it was killed
undoing    an import taken back
"""
