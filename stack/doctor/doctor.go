// Package doctor finds what is wrong with a deployed stack, by asking AWS for its state.
package doctor

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Finding is one thing that is wrong, and the heading of docs/operating.md with the next step.
type Finding struct{ What, Heading string }

// Check is one question. An error says that the question could not be asked, and nothing about the stack.
type Check interface {
	Name() string
	Ask(context.Context) ([]Finding, error)
}

// Exit statuses. Findings take precedence over questions that could not be asked. Both are printed.
const (
	Sound   = 0 // nothing was found, and everything was asked
	Ill     = 1 // something was found
	Unknown = 2 // nothing was found, and something could not be asked
)

// askTimeout is for one check: the SDK's own retries take a minute where there is no network at all.
const askTimeout = 30 * time.Second

// Run asks all checks at once, writes a line for each finding and for each check that could not be run, in the order of
// the checks, and returns the exit status.
func Run(ctx context.Context, w io.Writer, checks []Check) int {
	type answer struct {
		found []Finding
		err   error
	}
	answers := make([]answer, len(checks))
	var asked sync.WaitGroup
	for i, check := range checks {
		asked.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, askTimeout)
			defer cancel()
			answers[i].found, answers[i].err = check.Ask(ctx)
		})
	}
	asked.Wait()

	status := Sound
	for i, check := range checks {
		for _, f := range answers[i].found {
			status = Ill
			fmt.Fprintf(w, "%s: %s; docs/operating.md#%s\n", check.Name(), oneLine(f.What), f.Heading)
		}
	}
	for i, check := range checks {
		if err := answers[i].err; err != nil {
			fmt.Fprintf(w, "could not ask %s: %s\n", check.Name(), oneLine(err.Error()))
			if status == Sound {
				status = Unknown
			}
		}
	}
	if status == Sound {
		fmt.Fprintln(w, "nothing found")
	}
	return status
}

// CouldNotAsk writes that none of the checks could be run, and why.
func CouldNotAsk(w io.Writer, checks []Check, err error) int {
	var names []string
	for _, check := range checks {
		names = append(names, check.Name())
	}
	fmt.Fprintf(w, "could not ask %s: %s\n", strings.Join(names, ", "), oneLine(err.Error()))
	return Unknown
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
