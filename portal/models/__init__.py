"""The tables: one noun a file. Columns, constraints, and facts about one row."""

from portal.extensions import db
from portal.models.assignment import (
    Assignment,
    AssignmentEnd,
    AssignmentHold,
    AssignmentPosition,
    AssignmentQuantity,
    HoldChoice,
)
from portal.models.balance_entry import BalanceEntry, EntrySource
from portal.models.call import Call
from portal.models.charge import Charge, ChargeColumns
from portal.models.company import Company
from portal.models.connexcs_package import ConnexcsPackage
from portal.models.customer import Customer, CustomerTaxRate
from portal.models.did import Did
from portal.models.package import Package, PackagePrice, PackageSchedule
from portal.models.run import Outcome, Run, RunException, RunState, SimulatedCharge

__all__ = [
    "Assignment",
    "AssignmentEnd",
    "AssignmentHold",
    "AssignmentPosition",
    "AssignmentQuantity",
    "BalanceEntry",
    "Call",
    "Charge",
    "ChargeColumns",
    "Company",
    "ConnexcsPackage",
    "Customer",
    "CustomerTaxRate",
    "Did",
    "EntrySource",
    "HoldChoice",
    "Outcome",
    "Package",
    "PackagePrice",
    "PackageSchedule",
    "Run",
    "RunException",
    "RunState",
    "SimulatedCharge",
]

# Ids are never used again (billing-rules 8): SQLite would give a deleted row's number to the next one.
for _table in db.metadata.tables.values():
    if _table.autoincrement_column is not None:
        _table.dialect_options["sqlite"]["autoincrement"] = True
