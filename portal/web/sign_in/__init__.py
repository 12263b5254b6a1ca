"""Signing in: passwords, second factors, passkeys, recovery, sessions, and one's own account."""
