package api_test

import (
	"strings"
	"testing"
	"time"
)

// What a request costs grows with its bytes, whatever is in them. A broken batch costs most: it is read twice, and each
// of its events is explained.
func TestNoRequestCostsMoreThanItsBytes(t *testing.T) {
	const (
		size    = 200_000
		perByte = 5 * time.Microsecond // the worst took 0.3 µs on two cores; 1e999999 took milliseconds a byte
	)
	s := serve(t, &broker{}, nil)
	fill := func(before, item, after string) string {
		return before + strings.TrimSuffix(strings.Repeat(item+",", size/(len(item)+1)), ",") + after
	}
	const one, batch = "application/cloudevents+json", "application/cloudevents-batch+json"
	orders := func(amount string) string {
		return strings.Replace(placed, `"amount":5`, `"amount":`+amount, 1)
	}
	for name, request := range map[string][2]string{
		"numbers with exponents":   {batch, fill("[", orders("1e999999"), "]")},
		"numbers at the bound":     {batch, fill("[", orders("1e400"), "]")},
		"one long number":          {one, orders(strings.Repeat("9", size))},
		"a fraction":               {one, orders("0." + strings.Repeat("3", size))},
		"numbers beside":           {one, strings.Replace(placed, `"amount":5`, fill(`"amount":5,"x":[`, "1e400", "]"), 1)},
		"an extension's number":    {one, strings.Replace(placed, `"type"`, `"x":`+strings.Repeat("9", size)+`,"type"`, 1)},
		"extensions without end":   {one, "{" + fill("", `"a":1`, "}")},
		"names that are wrong":     {one, "{" + fill("", `"A~/":1`, "}")},
		"a name that is long":      {one, `{"` + strings.Repeat("~/", size/2) + `":1}`},
		"halves of characters":     {batch, fill("[", `{"data":"\ud800"}`, "]")},
		"one half of a character":  {one, `{"data":[` + strings.Repeat(`"x",`, size/4) + `"\ud800"]}`},
		"nesting":                  {batch, "[" + strings.Repeat("[", size/2) + strings.Repeat("]", size/2) + "]"},
		"nesting without end":      {batch, strings.Repeat("[", size)},
		"objects without end":      {one, strings.Repeat(`{"a":`, size/5)},
		"members of data":          {one, strings.Replace(placed, `"amount":5`, fill(`"amount":5,"x":{`, `"a":{}`, "}"), 1)},
		"events that are empty":    {batch, fill("[", "{}", "]")},
		"a thousand empty events":  {batch, "[" + strings.Repeat("{},", 999) + "{}" + strings.Repeat(" ", size) + "]"},
		"escapes":                  {one, `{"data":"` + strings.Repeat(`\u0041`, size/6) + `"}`},
		"a time with a fraction":   {one, `{"time":"2026-01-31T12:00:00.` + strings.Repeat("1", size) + `Z"}`},
		"a source that is escaped": {one, `{"source":"` + strings.Repeat("%41", size/3) + `"}`},
		"Base64":                   {one, `{"data_base64":"` + strings.Repeat("AAAA", size/4) + `"}`},
	} {
		best := time.Hour
		for range 3 { // the machine may have been busy
			began := time.Now()
			a := s.post(request[0], request[1])
			if a.status >= 500 {
				t.Fatalf("%s are answered with %d", name, a.status)
			}
			best = min(best, time.Since(began))
			if best < time.Duration(len(request[1]))*perByte {
				break
			}
		}
		t.Logf("%s: %s a byte", name, best/time.Duration(len(request[1])))
		if best > time.Duration(len(request[1]))*perByte {
			t.Errorf("%s: %s for %d bytes", name, best, len(request[1]))
		}
	}
}
