"""START HERE. What is charged, when and why: values in, values out.

Nothing here knows Flask, a database or a clock. The words:

    package      an item of the catalogue; its terms are a schedule and, for each currency, prices
    assignment   a package given to a customer or to one of the customer's DIDs
    terms        all that one assignment is charged by, each value with the day from which it holds
    charge date  a day on which a schedule charges
    period       the half-open span [from, until) that a charge pays for
    position     where an assignment stands: the day up to which it is dealt with
    micros       an amount of money as an integer of millionths of the currency unit

Read `schedule` (charge dates), `terms` (what holds when), `due` (what falls due, as values), then `charges`
(terms + position + day -> charges).
"""
