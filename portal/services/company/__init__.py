"""The provider itself, and its settings."""
