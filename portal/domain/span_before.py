"""The span of the same kind before another: the month before a month, the year before a year."""

from datetime import date, timedelta

from dateutil.relativedelta import relativedelta

from portal.domain.schedule import ONE_DAY


def span_before(begins: date, through: date, today: date) -> tuple[date, date]:
    """Both include their last day. Of whole months as many months before, of anything else as many days.

    Of a span that is not over, as much of the one before as there is of it: 1 to 22 October before 1 to 22 November.
    """
    after = through + ONE_DAY
    step: relativedelta | timedelta = after - begins
    if begins.day == 1 and after.day == 1:
        step = relativedelta(months=(after.year - begins.year) * 12 + after.month - begins.month)
    return begins - step, (begins - ONE_DAY if through <= today else today - step)
