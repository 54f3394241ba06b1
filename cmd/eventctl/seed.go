package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"event-processing-service/schemas"
)

const (
	// seedEvery is after how many events one is faulty.
	seedEvery = 50
	// seedPlain is a type without a schema, so that there is one of each sort.
	seedPlain = "note.written"
)

// seedStart is when the first event happened; each is a second later. It is fixed, as everything is: the same seed
// posted twice is the same events, which take no effect again.
var seedStart = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

type seedOptions struct {
	apiClient
	count int
	print bool
}

func seedCommand() *cobra.Command {
	o := seedOptions{}
	cmd := &cobra.Command{
		Use:   "seed [--count N] [--print]",
		Short: "Post the same 1,000 events of all known types each time, 20 of them faulty",
		Long: `Post events to try the service with: of each type that has a schema, with data made up to fit it, and of
one that has none. They are the same each time, so that a second run takes no effect. Each 50th is faulty, in turn: it
has no type, an id that is a number, a time that is none, or data that breaks its schema. The API has to refuse these
and nothing else: the command fails otherwise. --print writes the events, one a line, and posts nothing.`,
		Example: `  eventctl seed
  eventctl seed --count 100 --print | eventctl send --file - --url https://api.example.com`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	f := cmd.Flags()
	o.addTo(f)
	f.IntVar(&o.count, "count", 1000, "how many events")
	f.DurationVar(&o.retryFor, "retry-for", time.Minute, "how long what failed for the moment is tried again; 0 does not")
	f.BoolVar(&o.print, "print", false, "write the events to standard output, and post nothing")
	return cmd
}

func (o *seedOptions) run(cmd *cobra.Command) error {
	if o.count < 1 || o.count > 1_000_000 {
		return fmt.Errorf("%w: --count must be 1 to 1000000, is %d", errUsage, o.count)
	}
	set, err := schemas.Embedded()
	if err != nil {
		return fmt.Errorf("read schemas: %w", err)
	}
	types, leftOut := seedTypes(set)
	for _, problem := range leftOut {
		fmt.Fprintln(cmd.ErrOrStderr(), "left out:", problem)
	}
	events, faulty, err := seedEvents(types, o.count)
	if err != nil {
		return err
	}
	if o.print {
		fmt.Fprintf(cmd.OutOrStdout(), "%s\n", bytes.Join(events, []byte("\n")))
		return nil
	}
	answers := &bytes.Buffer{} // a line for each thousand; who seeds wants the account alone
	s := sender{api: &o.apiClient, out: answers, progress: cmd.ErrOrStderr(), keep: true, began: time.Now()}
	for len(events) > 0 {
		batch := make([]json.RawMessage, min(len(events), batchEvents))
		for i := range batch {
			batch[i] = events[i]
		}
		if err := s.batch(cmd.Context(), batch); err != nil {
			return err
		}
		events = events[len(batch):]
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%d accepted, %d refused, as it has to be of %d faulty ones\n", s.taken, s.refused,
		faulty)
	if s.refused != faulty {
		return errors.New("other events were refused than the faulty ones")
	}
	return nil
}

// seedType makes up data of an event type. broken, if there is any, breaks the type's schema.
type seedType struct {
	name   string
	data   func(n int) any
	broken any
}

// seedTypes are those with a schema for which data can be made up, and one without. It tells of the others why not.
func seedTypes(set *schemas.Set) (types []seedType, leftOut []error) {
	for _, name := range set.Types() {
		var root map[string]any
		if err := json.Unmarshal(set.Source(name), &root); err != nil {
			leftOut = append(leftOut, fmt.Errorf("%s: read schema: %w", name, err))
			continue
		}
		t := seedType{name: name, data: func(n int) any { return sampler{root, n}.value(root) }}
		text, err := json.Marshal(t.data(0))
		if wrong := set.Validate(name, text); err != nil || len(wrong) > 0 {
			leftOut = append(leftOut, fmt.Errorf("%s: no data could be made up that fits its schema: %v", name, wrong))
			continue
		}
		for _, broken := range []any{"no object", 7.5, []any{}} {
			if text, err := json.Marshal(broken); err == nil && len(set.Validate(name, text)) > 0 {
				t.broken = broken
			}
		}
		types = append(types, t)
	}
	return append(types, seedType{name: seedPlain, data: func(n int) any { return map[string]any{"n": n} }}), leftOut
}

// seedEvents are the events as JSON, and how many of them are faulty.
func seedEvents(types []seedType, count int) (events [][]byte, faulty int, err error) {
	for n := range count {
		t := types[n%len(types)]
		e := map[string]any{"specversion": "1.0", "id": fmt.Sprintf("seed-%06d", n), "source": "/seed", "type": t.name,
			"subject": fmt.Sprintf("subject-%d", n%100), "time": seedStart.Add(time.Duration(n) * time.Second),
			"data": t.data(n)}
		if n%seedEvery == seedEvery-1 {
			spoil(e, types, faulty)
			faulty++
		}
		text, err := json.Marshal(e)
		if err != nil {
			return nil, 0, fmt.Errorf("encode event %d: %w", n, err)
		}
		events = append(events, text)
	}
	return events, faulty, nil
}

// spoil makes an event faulty, each time in the next of four ways.
func spoil(e map[string]any, types []seedType, way int) {
	switch way % 4 {
	case 0:
		delete(e, "type")
	case 1:
		e["id"] = way
	case 2:
		e["time"] = "yesterday"
	default:
		e["source"] = "" // where no schema can be broken
		for _, t := range types {
			if t.broken != nil {
				e["source"], e["type"], e["data"] = "/seed", t.name, t.broken
			}
		}
	}
}
