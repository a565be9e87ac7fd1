"""Meter time to UTC, in pure arithmetic.

- COSEM date-time, 12 bytes (IEC 62056-6-2 4.1.6.1): the deviation leads from local time to UTC, in minutes; 0x8000
  says nothing.
- P1 time stamps YYMMDDhhmmssX (DSMR 5.0.2 6.4): X = S summer time, W winter time, absent in DSMR 2 and 3.
- Where a meter does not say which time it keeps, its list's table says so: either a fixed offset, or local time with
  the European daylight-saving rule (Directive 2000/84/EC: from the last Sunday of March to the last Sunday of
  October, at 01:00 UTC). In the hour that occurs twice such a time is taken as the first, summer, one.
"""

EU = "eu"  # a clock on central European local time, daylight saving included
UNSPECIFIED = 0x8000
MONTHS = (0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)  # days before each month


def days(year, month, day):
    """Days from 1970-01-01 to a date of the Gregorian calendar."""
    if month < 3:
        year -= 1
        month += 12
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * month - 457) // 5 + day - 719469


def civil(day):
    """(year, month, day of month) of a day counted from 1970-01-01."""
    z = day + 719468
    era = z // 146097
    doe = z - era * 146097
    yoe = (doe - doe // 1460 + doe // 36524 - doe // 146096) // 365
    doy = doe - (365 * yoe + yoe // 4 - yoe // 100)
    mp = (5 * doy + 2) // 153
    month = mp + 3 if mp < 10 else mp - 9
    return yoe + era * 400 + (month <= 2), month, doy - (153 * mp + 2) // 5 + 1


def _last_sunday(year, month):
    last = days(year, month, 31)
    return last - (last + 4) % 7  # 1970-01-01 was a Thursday


_summers: "dict" = {}  # year -> (first, last second of summer time), of the years 2000 to 2099 that were asked for


def summer(utc, year=None):
    """Whether daylight saving is on in Europe at a UTC time; `year` saves working it out."""
    if year is None:
        year = civil(utc // 86400)[0]
    if year not in _summers:
        bounds = (_last_sunday(year, 3) * 86400 + 3600, _last_sunday(year, 10) * 86400 + 3600)
        if not 2000 <= year < 2100:
            return bounds[0] <= utc < bounds[1]
        _summers[year] = bounds
    start, end = _summers[year]
    return start <= utc < end


def _in_month(year, month, day):
    """Whether a month (1 to 12) of 2000 to 2099 has this day."""
    return day > 0 and (day < 29 or day <= 28 + (3, 0 if year & 3 else 1, 3, 2, 3, 2, 3, 3, 2, 3, 2, 3)[month - 1])


def local_to_utc(local, zone, year=None):
    """UTC seconds of a meter's own seconds; `zone` is EU or a fixed offset from UTC in minutes."""
    if zone == EU:
        return local - 7200 if summer(local - 7200, year) else local - 3600
    return local - zone * 60


def date_time(data, at, zone, deviation_counts=True):
    """UTC seconds of the COSEM date-time at data[at:at + 12], or None where it names no time.

    `zone` is for times without deviation; with `deviation_counts` False, for all.
    """
    month = data[at + 2]
    day = data[at + 3]
    hour = data[at + 5]
    minute = data[at + 6]
    second = data[at + 7]
    year = data[at] << 8 | data[at + 1]
    if not (2000 <= year < 2100 and 0 < month < 13 and hour < 24 and minute < 60 and _in_month(year, month, day)):
        return None
    if second > 59:
        second = 0
    # The Gregorian calendar's exceptions lie outside these years.
    day += 365 * year + (year - 1) // 4 + MONTHS[month] - 719543
    if month > 2 and not year & 3:
        day += 1
    local = day * 86400 + hour * 3600 + minute * 60 + second
    deviation = data[at + 9] << 8 | data[at + 10]
    if deviation == UNSPECIFIED or not deviation_counts:
        return local_to_utc(local, zone, year)
    if deviation > 0x8000:
        deviation -= 0x10000
    if not -720 <= deviation <= 840:
        return None
    return local + deviation * 60


def p1_time(text, zone=EU):
    """UTC seconds of a P1 time stamp YYMMDDhhmmss[X], or None where it is none (Luxembourg sends 632525252525S).

    Sagemcom's Austrian T210-D writes YYYYMMDD hh:mm:ss in local time instead.
    """
    if len(text) == 17 and text[:2] == "20" and text[8] == " " and text[11] == ":" and text[14] == ":":
        text = text[2:8] + text[9:11] + text[12:14] + text[15:17]
    if len(text) not in (12, 13):
        return None
    try:
        number = int(text[:12])
    except ValueError:
        return None
    second = number % 100
    minute = number // 100 % 100
    hour = number // 10000 % 100
    day = number // 1000000 % 100
    month = number // 100000000 % 100
    year = 2000 + number // 10000000000
    if not (0 < month < 13 and hour < 24 and minute < 60 and second < 60 and _in_month(year, month, day)):
        return None
    local = days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second
    mark = text[12:]
    if mark == "S":
        return local - 7200
    if mark == "W":
        return local - 3600
    return local_to_utc(local, zone) if mark == "" else None
