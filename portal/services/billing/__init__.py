"""What is charged: what an assignment stands on, the plan, posting it, minimum spends, and positions."""
