package event

import (
	"strings"
	"time"
)

// isRFC3339 holds section 5.6 of RFC 3339 to the letter. time.Parse does not: it takes "T1:00:00Z" and "+99:00", and
// refuses "t", "z" and leap seconds.
func isRFC3339(s string) bool {
	const shape = "0000-00-00T00:00:00"
	if len(s) <= len(shape) {
		return false
	}
	for i := range len(shape) {
		switch c := s[i]; shape[i] {
		case '0':
			if c < '0' || c > '9' {
				return false
			}
		case 'T':
			if c != 'T' && c != 't' {
				return false
			}
		default:
			if c != shape[i] {
				return false
			}
		}
	}
	zone := s[len(shape):]
	if zone[0] == '.' {
		digits := strings.TrimLeft(zone[1:], "0123456789")
		if len(digits) == len(zone)-1 {
			return false
		}
		zone = digits
	}
	offset, ok := zoneOffset(zone)
	if !ok {
		return false
	}
	year, month, day := twoDigits(s)*100+twoDigits(s[2:]), twoDigits(s[5:]), twoDigits(s[8:])
	hour, minute, second := twoDigits(s[11:]), twoDigits(s[14:]), twoDigits(s[17:])
	if month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour > 23 || minute > 59 {
		return false
	}
	// A leap second is the last second of a day in UTC (section 5.7).
	const minutesOfDay = 24 * 60
	return second <= 59 || second == 60 && (hour*60+minute-offset+minutesOfDay)%minutesOfDay == minutesOfDay-1
}

// zoneOffset reads "Z" or "+hh:mm" in minutes.
func zoneOffset(zone string) (minutes int, ok bool) {
	if zone == "Z" || zone == "z" {
		return 0, true
	}
	if len(zone) != len("+00:00") || zone[0] != '+' && zone[0] != '-' || zone[3] != ':' {
		return 0, false
	}
	for _, i := range []int{1, 2, 4, 5} {
		if zone[i] < '0' || zone[i] > '9' {
			return 0, false
		}
	}
	hour, minute := twoDigits(zone[1:]), twoDigits(zone[4:])
	minutes = hour*60 + minute
	if zone[0] == '-' {
		minutes = -minutes
	}
	return minutes, hour <= 23 && minute <= 59
}

func twoDigits(s string) int { return int(s[0]-'0')*10 + int(s[1]-'0') }

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// OccurredAt parses Time. It returns the zero time if the event has none. Go has no leap seconds: it returns the
// second after one.
func (e *Event) OccurredAt() time.Time {
	if e.Time == "" {
		return time.Time{}
	}
	s, extra := strings.ToUpper(e.Time), time.Duration(0)
	if len(s) > 19 && s[17:19] == "60" {
		s, extra = s[:17]+"59"+s[19:], time.Second
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{} // cannot happen: Time was validated
	}
	return t.Add(extra)
}
