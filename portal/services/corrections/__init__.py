"""Correcting back to a day: wrong prices, quantities and tax rates, and what was posted at them (billing-rules 15).

`plan` works out what a correction posts and writes nothing; `post` does it, bound to the plan that somebody has seen.
"""
