"""What pages tell that is remembered (portal.services.overview.remembering)."""

from datetime import datetime, timedelta
from functools import partial

from portal.clock import now
from portal.services.overview.refreshing import refresh
from portal.services.overview.remembering import Reading
from portal.web.http.afterwards import afterwards


def since_when(reading: Reading) -> datetime | None:
    """When what was told last was true for certain; None where all of it is true now.

    What may be out of date is added up anew behind the answer, while nobody waits.
    """
    if reading.late:
        afterwards(partial(refresh, reading.today, reading.late))
    return now() - timedelta(seconds=reading.age) if reading.age is not None else None
