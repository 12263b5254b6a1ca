"""What may be deleted, ended, released or archived, and what to do instead (billing-rules 7).

For every noun two functions: `why_not_*` answers the button, `delete_*` (or its sibling) asks the same
question again and acts. A refusal carries everything a page shows: the rule, what stands in the way, the
first day on which it will be possible, what falls due until then, and the way out.
"""

from portal.services.deletion.assignments import delete_assignment, why_not_delete_assignment
from portal.services.deletion.customers import (
    archive_customer,
    archive_if_possible,
    restore_customer,
    why_not_archive_customer,
)
from portal.services.deletion.dids import (
    delete_did,
    give,
    give_many,
    release_did,
    release_many,
    why_not_delete_did,
    why_not_release_did,
)
from portal.services.deletion.packages import (
    archive_package,
    archive_packages,
    delete_package,
    restore_package,
    why_not_delete_package,
)
from portal.services.deletion.refusals import NAMED, Refusal, Refused, is_removable

__all__ = [
    "NAMED",
    "Refusal",
    "Refused",
    "archive_customer",
    "archive_if_possible",
    "archive_package",
    "archive_packages",
    "delete_assignment",
    "delete_did",
    "delete_package",
    "give",
    "give_many",
    "is_removable",
    "release_did",
    "release_many",
    "restore_customer",
    "restore_package",
    "why_not_archive_customer",
    "why_not_delete_assignment",
    "why_not_delete_did",
    "why_not_delete_package",
    "why_not_release_did",
]
