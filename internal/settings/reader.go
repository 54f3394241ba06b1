// Package settings reads the environment, once, at the start of a program. All that is wrong with it is reported
// together, each problem with the variable's name and what may stand there.
package settings

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Lookup is os.LookupEnv or a test's stand-in.
type Lookup func(name string) (value string, ok bool)

// reader reads variables and collects what is wrong with them. An empty variable counts as unset, as compose files and
// task definitions often can't leave one out.
type reader struct {
	lookup   Lookup
	problems []error
}

func (r *reader) problem(name, value, want string) {
	r.problems = append(r.problems, fmt.Errorf("%s=%q: must be %s", name, value, want))
}

func (r *reader) err() error { return errors.Join(r.problems...) }

func (r *reader) text(name, byDefault string) string {
	v, _ := r.lookup(name)
	if v = strings.TrimSpace(v); v != "" {
		return v
	}
	return byDefault
}

func (r *reader) oneOf(name, byDefault string, allowed ...string) string {
	v := r.text(name, byDefault)
	for _, a := range allowed {
		if strings.EqualFold(a, v) {
			return a
		}
	}
	r.problem(name, v, "one of "+strings.Join(allowed, ", "))
	return byDefault
}

func (r *reader) integer(name string, byDefault, least, most int) int {
	v := r.text(name, "")
	if v == "" {
		return byDefault
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > most {
		r.problem(name, v, fmt.Sprintf("a whole number from %d to %d", least, most))
		return byDefault
	}
	return n
}

func (r *reader) duration(name string, byDefault, least, most time.Duration) time.Duration {
	v := r.text(name, "")
	if v == "" {
		return byDefault
	}
	d, err := time.ParseDuration(v)
	if err != nil || d < least || d > most {
		r.problem(name, v, fmt.Sprintf("a duration from %s to %s, with its unit, such as 500ms or 10s", least, most))
		return byDefault
	}
	return d
}

func (r *reader) boolean(name string) bool {
	return r.oneOf(name, "false", "true", "false") == "true"
}
