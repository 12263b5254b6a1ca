"""What the portal writes to people, and how it leaves."""
