"""The audit log: who changed what and when, kept in the change's own transaction, and read as a list."""

from portal.services.audit.recording import NOBODY, Actor, act_as, acting, register

__all__ = ["NOBODY", "Actor", "act_as", "acting", "register"]
