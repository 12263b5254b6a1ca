"""The catalogue: packages, what they cost and bring, and the platform services behind them."""
