"""The tables: one noun a file. Columns, constraints, and facts about one row."""

from portal.extensions import db
from portal.models.account_code import AccountCode
from portal.models.allocation import MONEY, Allocation, AllocationSource, DueDay, OpenItem
from portal.models.assignment import (
    Assignment,
    AssignmentEnd,
    AssignmentHold,
    AssignmentPosition,
    AssignmentPrice,
    AssignmentQuantity,
    HoldChoice,
)
from portal.models.audit_entry import AuditEntry
from portal.models.balance_entry import BalanceEntry, EntrySource
from portal.models.bank_statement import (
    BankBooking,
    BankFile,
    BankLine,
    BankStatement,
    BankStatementLine,
    BookedAs,
    LineState,
)
from portal.models.bulk_act import BulkAct, BulkActThing, BulkKind
from portal.models.call import (
    Call,
    CallChange,
    CallCover,
    CallFile,
    CallFilePiece,
    CallImport,
    CallMove,
    CallReject,
    CallSaid,
    CallsSaidAgain,
    ImportState,
    ImportUndo,
    ImportUndoCustomer,
)
from portal.models.charge import Charge, ChargeColumns, counts_as_posted, is_undone
from portal.models.charge_sum import (
    AllocationMark,
    AllocationSum,
    BalanceMark,
    BalanceSum,
    ChargeMark,
    ChargeSum,
    CustomerSum,
    DueSum,
    Mark,
    Part,
)
from portal.models.company import AuditComment, Company
from portal.models.connexcs_package import ConnexcsPackage
from portal.models.contact import Contact
from portal.models.correction import CorrectedAssignment, Correction
from portal.models.customer import Customer, CustomerTaxRate
from portal.models.daily_work import DailyWork
from portal.models.did import Did
from portal.models.did_owner import DidOwner
from portal.models.file_layout import FileKind, FileLayout
from portal.models.invitation import Invitation
from portal.models.mail import Mail, MailAttachment, MailState, Notice
from portal.models.move_import import MoveImport, MoveLine, MoveMade
from portal.models.note import Note
from portal.models.package import Package, PackagePrice, PackageSchedule
from portal.models.payment import Payment, PaymentMethod, PaymentState
from portal.models.payment_back import PaymentBack, ReturnedPayment
from portal.models.run import (
    Outcome,
    Run,
    RunException,
    RunPosition,
    RunShard,
    RunState,
    RunTotal,
    RunUndo,
    SimulatedCharge,
)
from portal.models.sent_form import SentForm
from portal.models.sent_summary import SentSummary, SummaryState
from portal.models.session import SignInAttempt, UserSession

__all__ = [
    "MONEY",
    "AccountCode",
    "Allocation",
    "AllocationMark",
    "AllocationSource",
    "AllocationSum",
    "Assignment",
    "AssignmentEnd",
    "AssignmentHold",
    "AssignmentPosition",
    "AssignmentPrice",
    "AssignmentQuantity",
    "AuditComment",
    "AuditEntry",
    "BalanceEntry",
    "BalanceMark",
    "BalanceSum",
    "BankBooking",
    "BankFile",
    "BankLine",
    "BankStatement",
    "BankStatementLine",
    "BookedAs",
    "BulkAct",
    "BulkActThing",
    "BulkKind",
    "Call",
    "CallChange",
    "CallCover",
    "CallFile",
    "CallFilePiece",
    "CallImport",
    "CallMove",
    "CallReject",
    "CallSaid",
    "CallsSaidAgain",
    "Charge",
    "ChargeColumns",
    "ChargeMark",
    "ChargeSum",
    "Company",
    "ConnexcsPackage",
    "Contact",
    "CorrectedAssignment",
    "Correction",
    "Customer",
    "CustomerSum",
    "CustomerTaxRate",
    "DailyWork",
    "Did",
    "DidOwner",
    "DueDay",
    "DueSum",
    "EntrySource",
    "FileKind",
    "FileLayout",
    "HoldChoice",
    "ImportState",
    "ImportUndo",
    "ImportUndoCustomer",
    "Invitation",
    "LineState",
    "Mail",
    "MailAttachment",
    "MailState",
    "Mark",
    "MoveImport",
    "MoveLine",
    "MoveMade",
    "Note",
    "Notice",
    "OpenItem",
    "Outcome",
    "Package",
    "PackagePrice",
    "PackageSchedule",
    "Part",
    "Payment",
    "PaymentBack",
    "PaymentMethod",
    "PaymentState",
    "ReturnedPayment",
    "Run",
    "RunException",
    "RunPosition",
    "RunShard",
    "RunState",
    "RunTotal",
    "RunUndo",
    "SentForm",
    "SentSummary",
    "SignInAttempt",
    "SimulatedCharge",
    "SummaryState",
    "UserSession",
    "counts_as_posted",
    "is_undone",
]

# Ids are never used again (billing-rules 8): SQLite would give a deleted row's number to the next one.
for _table in db.metadata.tables.values():
    if _table.autoincrement_column is not None:
        _table.dialect_options["sqlite"]["autoincrement"] = True
