"""Payments: how money comes, and what becomes of it."""

from enum import StrEnum


class PaymentState(StrEnum):
    """Only a completed payment is in the balance."""

    PENDING = "pending"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class PaymentMethod(StrEnum):
    """How money came."""

    BANK_TRANSFER = "bank_transfer"
    CARD = "card"
    DIRECT_DEBIT = "direct_debit"
    CASH = "cash"
    CHEQUE = "cheque"
    OTHER = "other"
