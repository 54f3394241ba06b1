package event_test

import (
	"bytes"
	"errors"
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"event-processing-service/internal/event"
)

func TestTimeIsTakenAsRFC3339SaysIt(t *testing.T) {
	tests := map[string]struct {
		time string
		want string // in UTC; "": refused
	}{
		"RFC 3339 5.6 UTC": {"2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"},
		"RFC 3339 5.6 any number of digits of a second": {"2026-01-31T12:00:00.1234567890Z",
			"2026-01-31T12:00:00.123456789Z"},
		"RFC 3339 5.6 an offset":                             {"2026-01-31T01:30:00+05:30", "2026-01-30T20:00:00Z"},
		"RFC 3339 4.3 an unknown offset":                     {"2026-01-31T12:00:00-00:00", "2026-01-31T12:00:00Z"},
		"RFC 3339 5.6 lower case":                            {"2026-01-31t12:00:00z", "2026-01-31T12:00:00Z"},
		"RFC 3339 5.7 a leap day":                            {"2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"},
		"RFC 3339 5.7 a leap day of a year divisible by 400": {"2000-02-29T00:00:00Z", "2000-02-29T00:00:00Z"},
		"RFC 3339 5.8 a leap second":                         {"1990-12-31T23:59:60Z", "1991-01-01T00:00:00Z"},
		"RFC 3339 5.8 a leap second elsewhere on earth":      {"1990-12-31T15:59:60.5-08:00", "1991-01-01T00:00:00.5Z"},
		"the year 0": {"0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"},
		"RFC 3339 5.7 no leap day in an ordinary year":     {"2026-02-29T00:00:00Z", ""},
		"RFC 3339 5.7 no leap day in a century":            {"1900-02-29T00:00:00Z", ""},
		"RFC 3339 5.7 no second 60 in the middle of a day": {"2026-01-31T12:00:60Z", ""},
		"RFC 3339 5.6 no hour of one digit":                {"2026-01-31T1:00:00Z", ""},
		"RFC 3339 5.6 no comma before the fraction":        {"2026-01-31T12:00:00,5Z", ""},
		"RFC 3339 5.6 no fraction without digits":          {"2026-01-31T12:00:00.Z", ""},
		"RFC 3339 5.6 no offset beyond a day":              {"2026-01-31T12:00:00+24:00", ""},
		"RFC 3339 5.6 no offset of 60 minutes":             {"2026-01-31T12:00:00+01:60", ""},
		"RFC 3339 5.6 no offset without colon":             {"2026-01-31T12:00:00+0100", ""},
		"RFC 3339 5.6 no local time without offset":        {"2026-01-31T12:00:00", ""},
		"RFC 3339 5.6 no space for the T":                  {"2026-01-31 12:00:00Z", ""},
		"RFC 3339 5.6 no hour 24":                          {"2026-01-31T24:00:00Z", ""},
		"RFC 3339 5.6 no month 13":                         {"2026-13-01T12:00:00Z", ""},
		"RFC 3339 5.6 no day 0":                            {"2026-01-00T12:00:00Z", ""},
		"RFC 3339 5.6 no date alone":                       {"2026-01-31", ""},
		"RFC 3339 5.6 nothing behind the zone":             {"2026-01-31T12:00:00Z ", ""},
		"RFC 3339 1 no year of five digits":                {"12026-01-31T12:00:00Z", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			e, err := event.ParseStructured(structured(change{"time", `"` + test.time + `"`}))
			if test.want == "" {
				wantFaults(t, err, "/time", "RFC 3339")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if e.Time != test.time {
				t.Errorf("%s became %s", test.time, e.Time)
			}
			equal(t, e.OccurredAt().UTC().Format(time.RFC3339Nano), test.want)
		})
	}
	t.Run("an event without time occurred at no time", func(t *testing.T) {
		if e := good(); !e.OccurredAt().IsZero() {
			t.Error(e.OccurredAt())
		}
	})
}

// What Go writes is accepted, and Go can read what is accepted: thousands of random times, some with a wrong digit.
func TestTimeAgreesWithTheStandardLibrary(t *testing.T) {
	random := seeded(t)
	for range 20_000 {
		at := time.Unix(random.Int64N(4e9)-1e9, random.Int64N(1e9)).In(time.FixedZone("", (random.IntN(2878)-1439)*60))
		text := []byte(at.Format(time.RFC3339Nano))
		spoilt := random.IntN(2) == 0
		if spoilt {
			text[random.IntN(len(text))] = "0123456789:-+.TZ"[random.IntN(16)]
		}
		e, err := event.ParseStructured(structured(change{"time", `"` + string(text) + `"`}))
		var strict time.Time
		strictErr := strict.UnmarshalText(text) // strict, other than time.Parse
		switch {
		case !spoilt && err != nil:
			t.Fatalf("%s: %v", text, err)
		// Go refuses leap seconds, and accepts offsets of 60 minutes or 24 hours.
		case bytes.Contains(text, []byte(":60")), bytes.Contains(text, []byte("+24:")),
			bytes.Contains(text[10:], []byte("-24:")):
		case (err == nil) != (strictErr == nil):
			t.Fatalf("%s: taken here %v, there %v", text, err == nil, strictErr)
		case err == nil && !e.OccurredAt().Equal(strict):
			t.Fatalf("%s: is %s, not %s", text, e.OccurredAt(), strict)
		case err != nil && !errors.As(err, new(*event.InvalidError)):
			t.Fatal(err)
		}
	}
}

var seedFlag = flag.Uint64("seed", 0, "seed of the random events; 0: a new one")

// seeded makes random numbers that can be repeated: the log of a failed test names the seed.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("repeat with -seed=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}
