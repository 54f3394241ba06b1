package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"event-processing-service/internal/canary"
)

type sendOptions struct {
	apiClient
	file  string
	wait  time.Duration
	event map[string]*string // attributes by name
	data  string
}

func sendCommand() *cobra.Command {
	o := sendOptions{event: map[string]*string{}}
	cmd := &cobra.Command{
		Use:   "send [--file FILE | --type TYPE [--data JSON]]",
		Short: "Post events to the API, from a file, standard input or flags",
		Long: `Post events to the API and print its answers.

A file (- is standard input) holds events as JSON: one, an array, or one after the other (NDJSON). It may be of any
size: more than one event is posted in batches, each answer is a line, in which an index counts from the start of the
file, and progress is told on standard error, with a line for each event that is refused. An event that is alone may
leave out all but its type. In those of several a missing id, specversion and, with --source, source is filled in.

What can be tried again is tried again for --retry-for, as the API asks: after the time that it names, with the same
ids, so that nothing takes effect twice, and of a batch only the events that failed. The command fails if an event is
refused. With --wait it then asks until every event that was accepted is processed, and fails if one is dead-lettered
or the time runs out.`,
		Example: `  eventctl send --type order.created --data '{"n":1}' --wait 10s
  eventctl send --file events.json --url https://api.example.com
  jq -c '.[] | {type: "order.created", data: .}' orders.json | eventctl send --file - --source /import`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	f := cmd.Flags()
	o.addTo(f)
	f.StringVar(&o.file, "file", "", "file with events; - is standard input")
	f.DurationVar(&o.retryFor, "retry-for", time.Minute, "how long what failed for the moment is tried again; 0 does not")
	f.DurationVar(&o.wait, "wait", 0, "how long to wait until it is processed; 0 does not wait")
	f.StringVar(&o.data, "data", "", "the event's data, JSON")
	for _, attribute := range []string{"type", "id", "source", "subject"} {
		o.event[attribute] = f.String(attribute, "", "the event's "+attribute)
	}
	f.Lookup("source").Usage = "the event's source; with --file, that of events without one"
	cmd.MarkFlagsOneRequired("file", "type")
	cmd.MarkFlagsMutuallyExclusive("file", "type")
	return cmd
}

func (o *sendOptions) run(cmd *cobra.Command) error {
	ctx := cmd.Context()
	in, err := o.open(cmd.InOrStdin())
	if err != nil {
		return err
	}
	defer in.Close()
	s := sender{api: &o.apiClient, out: cmd.OutOrStdout(), progress: cmd.ErrOrStderr(), keep: o.wait > 0,
		began: time.Now()}
	events := eventReader{source: *o.event["source"], in: in}
	first, more, err := events.peek()
	switch {
	case err != nil:
	case first == nil:
		fmt.Fprintln(cmd.ErrOrStderr(), "there is no event to send")
	case !more:
		err = s.one(ctx, first)
	default:
		err = s.batches(ctx, &events)
	}
	if err != nil || o.wait == 0 {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, o.wait)
	defer cancel()
	for _, path := range s.accepted {
		if err := o.await(ctx, path, cmd.OutOrStdout()); err != nil {
			return err
		}
	}
	return s.refusal()
}

// open opens the file, or makes an event of the flags.
func (o *sendOptions) open(stdin io.Reader) (io.ReadCloser, error) {
	switch o.file {
	case "-":
		return io.NopCloser(stdin), nil
	case "":
	default:
		return os.Open(o.file)
	}
	e := map[string]any{}
	for name, value := range o.event {
		if *value != "" {
			e[name] = *value
		}
	}
	if o.data != "" {
		if !json.Valid([]byte(o.data)) {
			return nil, fmt.Errorf("%w: --data must be JSON; put a text into double quotes", errUsage)
		}
		e["data"] = json.RawMessage(o.data)
	}
	return jsonReader(e)
}

// sender posts events and keeps account.
type sender struct {
	api           *apiClient
	out, progress io.Writer
	keep          bool     // remember what was accepted
	accepted      []string // the paths of the outcomes

	began, told   time.Time
	posted, taken int
	refused       int
}

// one posts an event as it is. The header makes a retry harmless for one that has no id: it becomes the id.
func (s *sender) one(ctx context.Context, e json.RawMessage) error {
	answer, err := s.api.post(ctx, "application/json", e, http.Header{"Idempotency-Key": {`"` + uuid.NewString() + `"`}})
	if err != nil {
		return err
	}
	fmt.Fprintln(s.out, string(answer))
	var id identity
	if err := json.Unmarshal(answer, &id); err != nil {
		return fmt.Errorf("decode the API's answer: %w", err)
	}
	s.accepted = []string{id.path()}
	return nil
}

// batches posts all events, and says at the end whether any was refused; with keep, the caller does.
func (s *sender) batches(ctx context.Context, events *eventReader) error {
	for {
		batch, err := events.batch()
		if err == nil && len(batch) == 0 {
			break
		}
		if len(batch) > 0 {
			if err := s.batch(ctx, batch); err != nil {
				return fmt.Errorf("events %d to %d: %w; %d before them are sent", s.posted, s.posted+len(batch)-1, err, s.taken)
			}
		}
		if err != nil {
			return fmt.Errorf("%w; %d events before it are sent", err, s.taken)
		}
		if time.Since(s.told) > 2*time.Second || s.told.IsZero() {
			s.tell()
		}
	}
	s.tell()
	if s.keep {
		return nil
	}
	return s.refusal()
}

func (s *sender) tell() {
	s.told = time.Now()
	fmt.Fprintf(s.progress, "%d accepted, %d refused, %.0f a second\n", s.taken, s.refused,
		float64(s.posted)/time.Since(s.began).Seconds())
}

func (s *sender) refusal() error {
	if s.refused == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d events were refused", s.refused, s.posted)
}

// identity is what an outcome is found by.
type identity struct{ ID, Source string }

func (i identity) path() string {
	return "/v1/events/" + url.PathEscape(i.ID) + "?source=" + url.QueryEscape(i.Source)
}

// await asks until the event has an outcome, and fails unless it is processed.
func (o *sendOptions) await(ctx context.Context, path string, out io.Writer) error {
	outcome, err := canary.Await(ctx, 100*time.Millisecond, func(ctx context.Context) (int, []byte, error) {
		answer, err := o.ask(ctx, http.MethodGet, path, "", nil, nil)
		if status, is := errors.AsType[*statusError](err); is {
			return status.status, []byte(status.body), nil
		}
		return http.StatusOK, answer, err
	})
	if errors.Is(err, canary.ErrNoOutcome) {
		return fmt.Errorf("no outcome of %s after %s", path, o.wait)
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(out, string(outcome))
	return canary.Processed(outcome)
}
