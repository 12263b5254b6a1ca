"""When a call started, as many systems write it."""

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

from portal.domain.csv_files.cells import CELL_MAX, Bad, Memo, short
from portal.domain.csv_files.dates import STAMP, EitherOrder, day_of
from portal.domain.csv_files.layout import DayOrder
from portal.domain.money import MICROS
from portal.domain.schedule import FIRST_DAY, LAST_DAY

# Since 1970, in seconds, thousandths or millionths of them.
EPOCH = re.compile(r"\d{10}(\d{3}(?:\d{3})?)?(?:\.\d+)?", re.ASCII)
SLASHED = re.compile(r"(\d{4})/(\d\d)/(\d\d)(?=[ T]|$)", re.ASCII)
UTC_WORDS = re.compile(r"(?: [+]0000)? (?:UTC|GMT)$")
SECOND_OF_MINUTE = {f":{n:02}": f":{n:02}" for n in range(60)}


class Times:
    """Reads when a call started: its instant in UTC, and its civil day in the portal's zone.

    A time without a zone is of `written_in`, else of the portal's; of an hour that occurs twice it is the first.
    """

    def __init__(self, zone: ZoneInfo, written_in: str = "", order: DayOrder = DayOrder.NONE) -> None:
        self.zone, self.order = zone, order
        self.written_in = written_in
        self.own = ZoneInfo(written_in) if written_in else zone
        # A minute, with what stands behind the second, leads to one minute in UTC and one day; so do most hours.
        self.minutes: Memo[tuple[str, str]] = Memo(self._minute)
        self.hours: Memo[tuple[str, str] | None] = Memo(self._hour)

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
        minute = SECOND_OF_MINUTE.get(text[13:16])
        if minute and (hour := self.hours[text[:13] + text[16:]]):
            return hour[0] + minute, hour[1]
        instant, day = self._any(text[:16] + ":00" + text[16:])
        return instant[:16], day

    def _hour(self, text: str) -> tuple[str, str] | None:
        """The hour in UTC and the day, where its last minute shows that all between are of the same."""
        first, day = self._any(text[:13] + ":00:00" + text[13:])
        last = self._any(text[:13] + ":59:00" + text[13:])
        is_whole = first[13:16] == ":00" and last == (first[:13] + ":59" + first[16:], day)
        return (first[:13], day) if is_whole else None

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
        try:
            year, month, day = day_of(found, self.order)
        except EitherOrder:
            raise Bad(
                f"Start time is {short(text)}: the day or the month may be first. Say which in the layout of the file.",
                "Of the start time the day or the month may be first. Say which in the layout of the file.",
            ) from None
        except ValueError:
            raise _unreadable(text) from None
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
