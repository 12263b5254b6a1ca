"""What is charged: the plan, posting it, runs with their reports, and charges as lists."""
