// Package settings reads the environment, once, at the start of a program. It reports everything that is wrong with it
// together, each problem with the variable's name and what may stand there. Its values are plain: the parts that they
// are for are made elsewhere.
package settings

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// ErrEnvironment marks a variable that is wrong. The programs then exit 2.
var ErrEnvironment = errors.New("the environment is wrong")

// Lookup is os.LookupEnv or a test's stand-in.
type Lookup func(name string) (value string, ok bool)

// reader reads variables and collects what is wrong with them, and what each is for. An empty variable counts as unset,
// as compose files and task definitions often can't leave one out.
type reader struct {
	lookup    Lookup
	problems  []error
	variables []Variable
}

func (r *reader) problem(name, value, want string) {
	r.problems = append(r.problems, fmt.Errorf("%s=%q: must be %s", name, value, want))
}

// secretProblem is problem for values that must not be shown.
func (r *reader) secretProblem(name, want string) {
	r.problems = append(r.problems, fmt.Errorf("%s: must be %s", name, want))
}

func (r *reader) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	return &wrongEnvironment{errors.Join(r.problems...)}
}

type wrongEnvironment struct{ error }

func (e *wrongEnvironment) Is(target error) bool { return target == ErrEnvironment }
func (e *wrongEnvironment) Unwrap() error        { return e.error }

func (r *reader) text(name, byDefault, meaning string) string {
	r.variables = append(r.variables, Variable{Name: name, Default: byDefault, Meaning: meaning})
	v, _ := r.lookup(name)
	if v = strings.TrimSpace(v); v != "" {
		return v
	}
	return byDefault
}

func (r *reader) address(name, byDefault, meaning string) string {
	v := r.text(name, byDefault, meaning)
	if _, err := netip.ParseAddr(v); err != nil {
		r.problem(name, v, "an IP address of this host, such as 127.0.0.1 or 0.0.0.0")
		return byDefault
	}
	return v
}

func (r *reader) oneOf(name, byDefault, meaning string, allowed ...string) string {
	v := r.text(name, byDefault, meaning)
	for _, a := range allowed {
		if strings.EqualFold(a, v) {
			return a
		}
	}
	r.problem(name, v, "one of "+strings.Join(allowed, ", "))
	return byDefault
}

func (r *reader) integer(name string, byDefault, least, most int, meaning string) int {
	v := r.text(name, strconv.Itoa(byDefault), meaning)
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > most {
		r.problem(name, v, fmt.Sprintf("a whole number from %d to %d", least, most))
		return byDefault
	}
	return n
}

func (r *reader) duration(name string, byDefault, least, most time.Duration, meaning string) time.Duration {
	v := r.text(name, byDefault.String(), meaning)
	d, err := time.ParseDuration(v)
	if err != nil || d < least || d > most {
		r.problem(name, v, fmt.Sprintf("a duration from %s to %s, with its unit, such as 500ms or 10s", least, most))
		return byDefault
	}
	return d
}

func (r *reader) boolean(name, meaning string) bool {
	return r.oneOf(name, "false", meaning, "true", "false") == "true"
}

// list reads values with commas between.
func (r *reader) list(name, byDefault, meaning string) (values []string) {
	for v := range strings.SplitSeq(r.text(name, byDefault, meaning), ",") {
		if v = strings.TrimSpace(v); v != "" {
			values = append(values, v)
		}
	}
	return values
}
