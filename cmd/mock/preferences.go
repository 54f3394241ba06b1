package main

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// longestDelay keeps a mistyped delay from holding a test up for hours.
const longestDelay = time.Minute

// preferences are what a request asks of the mock by Prefer (RFC 7240): `code=503`, `example=overloaded`, `delay=1s`.
// (RFC 7240's own `wait` is the longest that a client wants to wait, and delays nothing.)
type preferences struct {
	code    int
	example string
	delay   time.Duration
}

// readPreferences passes over preferences that are not the mock's, as the RFC demands.
func readPreferences(r *http.Request) (p preferences, err error) {
	for _, line := range r.Header.Values("Prefer") {
		for one := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(one), "=")
			value = strings.Trim(strings.TrimSpace(value), `"`)
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "code":
				if p.code, err = strconv.Atoi(value); err != nil {
					return p, fmt.Errorf("Prefer: code must be a status, is %q", value) //nolint:staticcheck // a header's name
				}
			case "example":
				p.example = value
			case "delay":
				if p.delay, err = time.ParseDuration(value); err != nil || p.delay < 0 || p.delay > longestDelay {
					//nolint:staticcheck // a header's name
					return p, fmt.Errorf("Prefer: delay must be a duration like 250ms, at most %s, is %q", longestDelay, value)
				}
			}
		}
	}
	return p, nil
}

// applied is what Preference-Applied says.
func (p preferences) applied() string {
	var all []string
	if p.code != 0 {
		all = append(all, "code="+strconv.Itoa(p.code))
	}
	if p.example != "" {
		all = append(all, "example="+p.example)
	}
	if p.delay != 0 {
		all = append(all, "delay="+p.delay.String())
	}
	return strings.Join(all, ", ")
}
