"""Calls: rated call records, taken in from files, each once, whatever is sent again.

A file on its way in (read by portal.services.csv.files), in the order in which it goes through them:

    keeping       its lines in the database, until all of them are taken in, for whoever goes on with it
    layouts       how files with such columns say what a call is, and what a layout of calls has to say
    importing     one file, from being chosen to being done; stopped and gone on with
    met_before    files that come again
    retention     files that nobody needs any more, or that nobody came back to
    looking       what would become of it, before anything is taken in
    rejects       how far it is, its bad rows, and the file of them

What a line of it says (how it is read is said in portal.domain.call_files):

    rows          a line as a call, or the reason why not
    owners        whose the call is
    destinations  the pattern of the numbers that free minutes are for

Into the database:

    meanwhile     what may have changed since a reader began
    storing       calls into the database, many at once
    changes       what a file says of calls that were there already
    said_again    the same of those that it says just as they stand

What follows, once all of a file is in:

    effects       all of it, in order: the four below
    counting      which calls count, and which not yet
    covering      what free minutes cover
    late_calls    minimum spends that were settled without them
    call_spend    calls in the balance, one entry a customer and day

And out of it again:

    would_undo    what undoing an import takes from whom, and what calls become then
    undoing       an import, from the reason to the end

And to look at: lists, a customer's calls, and what they come to by day and by destination.
"""
