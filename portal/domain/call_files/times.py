"""When a call started, as many systems write it."""

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

from portal.domain.call_files.cells import CELL_MAX, Bad, Memo, short
from portal.domain.call_files.layout import DayOrder
from portal.domain.money import MICROS
from portal.domain.schedule import FIRST_DAY, LAST_DAY

# Since 1970, in seconds, thousandths or millionths of them.
EPOCH = re.compile(r"\d{10}(\d{3}(?:\d{3})?)?(?:\.\d+)?", re.ASCII)
SLASHED = re.compile(r"(\d{4})/(\d\d)/(\d\d)(?=[ T]|$)", re.ASCII)
UTC_WORDS = re.compile(r"(?: [+]0000)? (?:UTC|GMT)$")
SECOND_OF_MINUTE = {f":{n:02}": f":{n:02}" for n in range(60)}
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# Any date and time but those that datetime reads by itself: 03/11/2026 9:05 PM, Fri, 20 Nov 2026 18:00:05 +0000.
STAMP = re.compile(
    r"""(?:[a-z]{3,9}\.?,?\s+)?
    (?: (?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})
      | (?P<one>\d{1,2})[-/.](?P<other>\d{1,2})[-/.](?P<year_last>\d{4}|\d\d)
      | (?P<day_first>\d{1,2})[\s-](?P<named>[a-z]{3,9})\.?[\s,-]+(?P<year_after>\d{4}|\d\d)
      | (?P<name_first>[a-z]{3,9})\.?\s+(?P<day_second>\d{1,2}),?\s+(?P<year_behind>\d{4}) )
    (?: [\sT,]+(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<part>\d{1,9}))?)?
        (?:\s*(?P<half>[ap])\.?m\.?)? )?
    (?: \s*(?P<zone>Z|UTC|GMT|[+-]\d\d:?\d\d)(?:\s*\(?(?:UTC|GMT)\)?)? )?""",
    re.ASCII | re.IGNORECASE | re.VERBOSE,
)


class Times:
    """Reads when a call started: its instant in UTC, and its civil day in the portal's zone.

    A time without a zone is of `written_in`, else of the portal's; of an hour that occurs twice it is the first.
    """

    def __init__(self, zone: ZoneInfo, written_in: str = "", order: DayOrder = DayOrder.NONE) -> None:
        self.zone, self.order = zone, order
        self.written_in = written_in
        self.own = ZoneInfo(written_in) if written_in else zone
        # A minute, with what stands behind the second, leads to one minute in UTC and one day.
        self.minutes: Memo[tuple[str, str]] = Memo(self._minute)

    def of(self, zone: ZoneInfo) -> "Times":
        """The same for a portal in another zone."""
        return Times(zone, self.written_in, self.order)

    def read(self, text: str) -> tuple[str, str]:
        """The instant as it is stored (UTC, without its zone) and the day."""
        second = SECOND_OF_MINUTE.get(text[16:19])
        if second is None or (len(text) > 19 and text[19:] not in ("Z", "+00:00")):
            return self._any(text)
        try:
            minute, day = self.minutes[text[:16] + text[19:]]
        except Bad:  # named as it is written
            return self._any(text)
        return minute + second + ".000000", day

    def can_read(self, text: str) -> bool:
        """Whether a text is a time as calls have it."""
        try:
            self.read(text)
        except Bad:
            return False
        return True

    def _minute(self, text: str) -> tuple[str, str]:
        instant, day = self._any(text[:16] + ":00" + text[16:])
        return instant[:16], day

    def _any(self, text: str) -> tuple[str, str]:
        started = self._started(text.strip())
        local = (started if started.tzinfo else started.replace(tzinfo=self.own)).astimezone(self.zone)
        day = local.date()
        if not FIRST_DAY <= day <= LAST_DAY:
            raise Bad(
                f"Start time {short(text)} is not between {FIRST_DAY.year} and {LAST_DAY.year}.",
                f"Start time is not between {FIRST_DAY.year} and {LAST_DAY.year}.",
            )
        instant = local.astimezone(UTC)
        return instant.replace(tzinfo=None).isoformat(" ", "microseconds"), day.isoformat()

    def _started(self, text: str) -> datetime:
        if found := EPOCH.fullmatch(text):
            whole = Decimal(text) / 10 ** len(found[1] or "")
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(whole * MICROS))
        try:
            started = datetime.fromisoformat(UTC_WORDS.sub("+00:00", SLASHED.sub(r"\1-\2-\3", text)))
        except ValueError:
            started = self._stamp(text)
        # At the ends of the calendar other zones have no such time.
        return started if 1900 < started.year < 2300 else started.replace(tzinfo=UTC)

    def _stamp(self, text: str) -> datetime:
        found = STAMP.fullmatch(text) if len(text) <= CELL_MAX else None
        if not found:
            raise _unreadable(text)
        year, month, day = self._date(text, found)
        hour = int(found["hour"] or 0)
        if found["half"]:
            if not 1 <= hour <= 12:
                raise _unreadable(text)
            hour = hour % 12 + (12 if found["half"] in "pP" else 0)
        part = int((found["part"] or "0").ljust(6, "0")[:6])
        try:
            return datetime(
                year, month, day, hour, int(found["minute"] or 0), int(found["second"] or 0), part,
                tzinfo=_zone(found["zone"]),
            )  # fmt: skip
        except ValueError:
            raise _unreadable(text) from None

    def _date(self, text: str, found: re.Match[str]) -> tuple[int, int, int]:
        """Year, month and day; which of two numbers is the day is what the layout says."""
        if found["year"]:
            return int(found["year"]), int(found["month"]), int(found["day"])
        name = found["named"] or found["name_first"]
        if name:
            year, day = found["year_after"] or found["year_behind"], found["day_first"] or found["day_second"]
            if name[:3].lower() not in MONTHS:
                raise _unreadable(text)
            return _year(year), MONTHS.index(name[:3].lower()) + 1, int(day)
        one, other, year = int(found["one"]), int(found["other"]), _year(found["year_last"])
        match self.order:
            case DayOrder.DAY:
                return year, other, one
            case DayOrder.MONTH:
                return year, one, other
        raise Bad(
            f"Start time is {short(text)}: the day or the month may be first. Say which in the layout of the file.",
            "Of the start time the day or the month may be first. Say which in the layout of the file.",
        )


def _year(text: str) -> int:
    return int(text) + (2000 if len(text) == 2 else 0)


def _zone(text: str | None) -> timezone | None:
    if not text:
        return None
    if not text.startswith(("+", "-")):
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    return timezone(-offset if text[0] == "-" else offset)


def _unreadable(text: str) -> Bad:
    return Bad(
        f"Start time is {short(text) or 'empty'}: enter it as in 2026-01-31 09:30:00, with or without a time zone.",
        "Start time cannot be read." if text.strip() else "",
    )
