"""How money, days, numbers and lists are written: in pages, sentences, mails, files and commands alike.

Nothing is written for a reader by any other hand (tests/test_architecture.py holds it). English throughout.
Tables and labels have short days (30 Nov 2026), sentences long ones (30 November 2026); in the sentence that
explains a charge a year is named only where it would be read wrongly without it, as a date stands beside it.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_UP, Decimal

from portal.domain.money import minor_digits
from portal.domain.schedule import ONE_DAY, Frequency, Schedule

MINUS = "−"
MONTHS = "January February March April May June July August September October November December".split()
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
SHORT_MONTHS = [name[:3] for name in MONTHS]
SHORT_WEEKDAYS = [name[:3] for name in WEEKDAYS]
DECIMALS_MOST = 6
# A schedule with more match days than this is said by their number.
NAMED = 5
MINIMUM = "minimum spend, "


# -- money and numbers


def money(amount: Decimal, currency: str) -> str:
    """An amount in its currency's own decimals, with a real minus sign: −1,234.50."""
    return _signed(_rounded(amount, currency), minor_digits(currency))


def money_in(amount: Decimal, currency: str) -> str:
    """An amount that stands alone, with its currency: −1,234.50 USD."""
    return f"{money(amount, currency)} {currency}"


def difference(amount: Decimal, currency: str) -> str:
    """By how much something is more or less, with its sign: +12.15, −3.00."""
    return ("+" if amount > 0 else "") + money(amount, currency)


def plain(amount: Decimal, currency: str) -> str:
    """An amount with the currency's own number of decimals and no separators, as files hold it: -1234.50."""
    return f"{_rounded(amount, currency):f}"


def price(value: Decimal, currency: str) -> str:
    """A price per unit, never rounded: 0.0085, and 25.00 where the currency's decimals do."""
    return _signed(value, max(_decimals_of(value), minor_digits(currency)))


def lined_up(value: Decimal, currency: str, places: int = 4) -> str:
    """A price in a column of prices: figure spaces stand for the decimals it lacks, so that the points line up."""
    text = price(value, currency)
    return text + "\N{FIGURE SPACE}" * (places - max(_decimals_of(value), minor_digits(currency)))


def price_in(value: Decimal, currency: str) -> str:
    """A price that stands alone, with its currency: 0.0085 USD."""
    return f"{price(value, currency)} {currency}"


def rated(value: Decimal, currency: str) -> str:
    """What a call was rated at: as a price, but with four decimals at least, so that they line up."""
    return _signed(value, max(_decimals_of(value), minor_digits(currency), 4))


def percent(value: Decimal) -> str:
    """A rate given in per cent: 8.1%."""
    return _signed(value, _decimals_of(value)) + "%"


def digits(value: Decimal) -> str:
    """A number without separators and without zeros that say nothing, as files and forms hold it: 0.5, 1200."""
    return f"{value.normalize():f}"


def exact(value: Decimal, least: int = 0) -> str:
    """A number without separators and never rounded, with so many decimals at least, as files hold it: 0.50, 0.0085."""
    return f"{value:.{max(least, _decimals_of(value))}f}"


def whole(value: int | Decimal) -> str:
    """A count with separators: 1,234."""
    return f"{value:,}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """A count and its noun: 1 charge, 412 charges, 2 currencies."""
    return f"{whole(count)} {one if count == 1 else many or one + 's'}"


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 11th, 31st."""
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def decimals(currency: str) -> str:
    """How many decimals an amount in a currency may have: `2 decimals`, and for JPY `no decimals`."""
    return f"{minor_digits(currency)} decimals" if minor_digits(currency) else "no decimals"


def _rounded(amount: Decimal, currency: str) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-minor_digits(currency)), rounding=ROUND_HALF_UP)


def _decimals_of(value: Decimal) -> int:
    """How many decimals a number has that say something; the portal keeps six at most."""
    return min(len(digits(value).partition(".")[2]), DECIMALS_MOST)


def _signed(value: Decimal, places: int) -> str:
    return (MINUS if value < 0 else "") + f"{abs(value):,.{places}f}"


# -- days and times


def day(value: date | None) -> str:
    """A day: 30 Nov 2026; nothing for none."""
    return f"{short_day(value)} {value.year}" if value else ""


def short_day(value: date) -> str:
    """A day within a year: 30 Nov."""
    return f"{value.day} {month_name(value)}"


def day_in(value: date, year: int) -> str:
    """A day beside another one of a year, which it names only if it is not that: 30 Nov; 14 Jan 2027."""
    return short_day(value) if value.year == year else day(value)


def long_day(value: date) -> str:
    """A day as a sentence names it: 21 January 2027."""
    return f"{value.day} {long_month(value)}"


def weekday(value: date) -> str:
    """A day with its weekday: Mon 30 Nov 2026."""
    return f"{weekday_name(value)} {day(value)}"


def weekday_name(value: date) -> str:
    """The weekday of a day: Mon."""
    return SHORT_WEEKDAYS[value.weekday()]


def month(value: date) -> str:
    """The month of a day: Nov 2026."""
    return f"{month_name(value)} {value.year}"


def month_name(value: date) -> str:
    """The month of a day within a year: Nov."""
    return SHORT_MONTHS[value.month - 1]


def long_month(value: date) -> str:
    """The month of a day as a sentence names it: January 2027."""
    return f"{MONTHS[value.month - 1]} {value.year}"


def numbered_month(value: date) -> str:
    """A month as addresses, files and commands name it: 2026-10."""
    return f"{value.year}-{value.month:02}"


def instant(value: datetime | None, zone: tzinfo) -> str:
    """An instant as clocks of a time zone show it: 30 Nov 2026, 14:05; nothing for none."""
    if value is None:
        return ""
    there = value.astimezone(zone)
    return f"{day(there.date())}, {there.hour:02}:{there.minute:02}"


def span(begins: date, until: date | None) -> str:
    """The days of the half-open span: 1–30 Nov 2026; 15 Dec 2026 – 14 Jan 2027; from 15 Dec 2026."""
    if until is None:
        return f"from {day(begins)}"
    last = until - ONE_DAY
    if last <= begins:
        return day(begins)
    if (begins.year, begins.month) == (last.year, last.month):
        return f"{begins.day}–{day(last)}"
    return f"{short_day(begins) if begins.year == last.year else day(begins)} – {day(last)}"


def span_beside(begins: date, until: date | None, year: int) -> str:
    """The same beside a day of a year, which goes without saying: 1–30 Nov; 15 Dec – 14 Jan 2027."""
    if until is None:
        return f"from {day_in(begins, year)}"
    last = until - ONE_DAY
    if last <= begins:
        return day_in(begins, year)
    if (begins.year, begins.month) == (last.year, last.month):
        return f"{begins.day}–{day_in(last, year)}"
    return f"{day_in(begins, last.year if begins.year == last.year else year)} – {day_in(last, year)}"


def span_in_words(begins: date, until: date) -> str:
    """The half-open span in a sentence that has its year: 30 Nov to 14 Dec; 1 to 31 May; 15 Dec 2026 to 14 Jan 2027."""
    last = until - ONE_DAY
    if last <= begins:
        return short_day(begins)
    if (begins.year, begins.month) == (last.year, last.month):
        return f"{begins.day} to {short_day(last)}"
    write = short_day if begins.year == last.year else day
    return f"{write(begins)} to {write(last)}"


def duration(value: timedelta) -> str:
    """About how long: 40 seconds, 3 minutes, 2 hours."""
    seconds = max(1, round(value.total_seconds()))
    if seconds < 90:
        return plural(seconds, "second")
    return plural(round(seconds / 60), "minute") if seconds < 5400 else plural(round(seconds / 3600), "hour")


def how_long(wait: timedelta) -> str:
    """How long to wait, in the unit that fits, never too short: 15 minutes, 6 hours."""
    minutes = -(-int(wait.total_seconds()) // 60)
    return plural(-(-minutes // 60), "hour") if minutes > 90 else plural(max(minutes, 1), "minute")


def call_length(seconds: int) -> str:
    """How long calls took: 4:05, 1:02:03."""
    minutes, rest = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes}:{rest:02}"
    return f"{whole(minutes // 60)}:{minutes % 60:02}:{rest:02}"


def minutes(seconds: int) -> str:
    """Minutes, with their seconds where there are any: 500, 12:30."""
    whole_minutes, rest = divmod(seconds, 60)
    return whole(whole_minutes) + (f":{rest:02}" if rest else "")


# -- lists and schedules


def listed(words: Sequence[str], last: str = "and") -> str:
    """Words as a sentence lists them: Monday, Wednesday and Friday."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def listed_of(words: Sequence[str], count: int) -> str:
    """The first of `count` names, and how many are not among them: A, B, C and 12 more."""
    more = count - len(words)
    return f"{', '.join(words)} and {whole(more)} more" if more else ", ".join(words)


def charged(schedule: Schedule, anchor: date | None = None, is_minimum: bool = False) -> str:
    """When it is charged, in few words: monthly, 15th and 31st; without match days, by the anchor; whether it is a
    minimum spend.
    """
    days = _match_days(schedule, anchor)
    often = "once" if schedule.frequency == Frequency.NONE else schedule.frequency.value
    return f"{MINIMUM if is_minimum else ''}{often}{f', {days}' if days else ''}"


def charged_on(schedule: Schedule, anchor: date | None = None, is_minimum: bool = False) -> str:
    """The same in a customer's words: monthly on the 15th and 31st; weekly on Mon."""
    days = _match_days(schedule, anchor)
    often = "once" if schedule.frequency == Frequency.NONE else schedule.frequency.value
    the = "the " if schedule.frequency == Frequency.MONTHLY and len(schedule.match) <= NAMED else ""
    return f"{MINIMUM if is_minimum else ''}{often}{f' on {the}{days}' if days else ''}"


def _match_days(schedule: Schedule, anchor: date | None) -> str:
    """The days of a weekly or monthly schedule, or how many they are."""
    weekly = schedule.frequency == Frequency.WEEKLY
    match = schedule.match
    if not match and anchor and schedule.frequency in (Frequency.WEEKLY, Frequency.MONTHLY):
        match = (anchor.isoweekday() if weekly else anchor.day,)
    if len(match) > NAMED:
        return f"{len(match)} days"
    return (
        listed([SHORT_WEEKDAYS[number - 1] if weekly else ordinal(number) for number in match])
        if match
        else ""
    )
