package doctor

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// check has its answer.
type check struct {
	name  string
	found []Finding
	err   error
}

func (c check) Name() string                           { return c.name }
func (c check) Ask(context.Context) ([]Finding, error) { return c.found, c.err }

var (
	well    = check{name: "well"}
	ill     = check{name: "ill", found: []Finding{{"two\nlines", "alarms"}}}
	unasked = check{name: "unasked", err: errors.New("AccessDenied")}
)

func TestTheStatusAndTheLinesTellWhatWasFoundAndWhatCouldNotBeAsked(t *testing.T) {
	for _, c := range []struct {
		checks []Check
		status int
		text   string
	}{
		{[]Check{well}, 0, "nothing found\n"},
		{[]Check{well, ill}, 1, "ill: two lines; docs/operating.md#alarms\n"},
		{[]Check{unasked, well}, 2, "could not ask unasked: AccessDenied\n"},
		{[]Check{unasked, ill}, 1, "ill: two lines; docs/operating.md#alarms\ncould not ask unasked: AccessDenied\n"},
	} {
		var out bytes.Buffer
		if status := Run(t.Context(), &out, c.checks); status != c.status {
			t.Errorf("%q: status %d, want %d", c.text, status, c.status)
		}
		if diff := cmp.Diff(c.text, out.String()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}

func TestWhereNothingCanBeAskedEachCheckIsNamed(t *testing.T) {
	var out bytes.Buffer
	if status := CouldNotAsk(&out, []Check{well, ill}, errors.New("no credentials")); status != 2 ||
		out.String() != "could not ask well, ill: no credentials\n" {
		t.Errorf("status %d: %s", status, out.String())
	}
}

// expect compares what a check finds, as text and heading, and how it fails.
func expect(t *testing.T, c Check, wantErr string, want ...Finding) {
	t.Helper()
	found, err := c.Ask(t.Context())
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	got := ""
	if err != nil {
		got = err.Error()
	}
	if got != wantErr {
		t.Errorf("it fails with %q, want %q", got, wantErr)
	}
}

var errDenied = errors.New("AccessDenied")
