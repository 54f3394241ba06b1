package processortest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"event-processing-service/internal/event"
	"event-processing-service/internal/store"
	"event-processing-service/processor"
)

// Step is where a process dies.
type Step string

// The steps of an event through the processor.
const (
	nowhere       Step = ""
	BeforeHandler Step = "before the handler, with the event claimed"
	AfterHandler  Step = "after the handler, with nothing remembered"
	AfterOutcome  Step = "after the outcome, with no answer to Kafka"
	AfterFollowUp Step = "after the first follow-up event, in the middle of the handler"
	AfterLetter   Step = "after the dead letter, with nothing remembered"
)

var errDied = errors.New("the process died")

// process is the store and the dead letter topic as one process sees them. After the process died, its calls have no
// effect.
type process struct {
	*store.Memory
	letters *letters
	topic   *topic

	mu   sync.Mutex
	dies Step
	dead bool
}

func (p *process) isDead() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dead
}

// reach tells whether the process is dead; it may die at this step.
func (p *process) reach(s Step) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead = p.dead || p.dies == s && s != nowhere; p.dead {
		return errDied
	}
	return nil
}

func (p *process) Begin(ctx context.Context, c event.Claim) (event.Reply, error) {
	if p.isDead() {
		return event.Reply{}, errDied
	}
	r, err := p.Memory.Begin(ctx, c)
	if dead := p.reach(BeforeHandler); dead != nil {
		return event.Reply{}, dead
	}
	return r, err
}

func (p *process) Renew(ctx context.Context, c event.Claim) (event.Reply, error) {
	if p.isDead() {
		return event.Reply{}, errDied
	}
	return p.Memory.Renew(ctx, c)
}

func (p *process) Finish(ctx context.Context, c event.Claim, o event.Outcome) (event.Reply, error) {
	if dead := p.reach(AfterHandler); dead != nil {
		return event.Reply{}, dead
	}
	r, err := p.Memory.Finish(ctx, c, o)
	if dead := p.reach(AfterOutcome); dead != nil {
		return event.Reply{}, dead
	}
	return r, err
}

func (p *process) Release(ctx context.Context, c event.Claim, attempts int, reason string) error {
	if p.isDead() {
		return errDied
	}
	return p.Memory.Release(ctx, c, attempts, reason)
}

func (p *process) Publish(_ context.Context, r event.Record) (event.Place, error) {
	if p.isDead() {
		return event.Place{}, errDied
	}
	at := p.letters.add(r)
	if dead := p.reach(AfterLetter); dead != nil {
		return event.Place{}, dead
	}
	return at, nil
}

func (p *process) Since(_ context.Context, since time.Time) iter.Seq2[event.Record, error] {
	return p.letters.since(since)
}

// followUps is the process's publisher.
type followUps struct{ *process }

func (p followUps) Publish(_ context.Context, events []event.Event, _ ...event.Header) []event.Receipt {
	receipts := make([]event.Receipt, len(events))
	for i, e := range events {
		if p.isDead() {
			receipts[i].Err = &event.PublishError{Failure: event.FailureOutcomeUnknown, Err: errDied}
			continue
		}
		receipts[i] = p.topic.add(e)
		if dead := p.reach(AfterFollowUp); dead != nil {
			receipts[i].Err = &event.PublishError{Failure: event.FailureOutcomeUnknown, Err: dead}
		}
	}
	return receipts
}

// topic is what handlers have published.
type topic struct {
	mu  sync.Mutex
	all []event.Event
}

func (t *topic) add(e event.Event) event.Receipt {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = append(t.all, e)
	return event.Receipt{Place: event.Place{Topic: "events", Offset: int64(len(t.all) - 1)}}
}

// once returns each event once, in the order in which they first came, because the processor handles each once.
func (t *topic) once() (events []event.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range t.all {
		if !slices.ContainsFunc(events, func(o event.Event) bool { return o.Identity() == e.Identity() }) {
			events = append(events, e)
		}
	}
	return events
}

// letters are the dead letter topic.
type letters struct {
	mu  sync.Mutex
	all []event.Record
}

func (l *letters) add(r event.Record) event.Place {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.Offset, r.Timestamp = int64(len(l.all)), time.Now()
	l.all = append(l.all, r)
	return r.Place
}

func (l *letters) since(since time.Time) iter.Seq2[event.Record, error] {
	l.mu.Lock()
	all := l.all[:len(l.all):len(l.all)]
	l.mu.Unlock()
	return func(yield func(event.Record, error) bool) {
		for _, r := range all {
			if !r.Timestamp.Before(since) && !yield(r, nil) {
				return
			}
		}
	}
}

func (l *letters) of(id event.Identity) (n int) {
	for r, err := range l.since(time.Time{}) {
		if err != nil { // cannot happen: it is memory
			return n
		}
		if e, err := processor.Decode(&r, ""); err == nil && e.Identity() == id {
			n++
		}
	}
	return n
}

// payload is what Lambda hands to the function.
func (k *Kit) payload(events []event.Event) []byte {
	type record struct {
		Topic     string             `json:"topic"`
		Partition int32              `json:"partition"`
		Offset    int64              `json:"offset"`
		Timestamp int64              `json:"timestamp"`
		Key       *string            `json:"key,omitempty"`
		Value     *string            `json:"value,omitempty"`
		Headers   []map[string][]int `json:"headers"`
	}
	records := []record{}
	for i := range events {
		e := &events[i]
		offset, known := k.offsets[e.Identity()]
		if !known {
			offset = int64(len(k.offsets))
			k.offsets[e.Identity()] = offset
		}
		r := record{Topic: "events", Offset: offset, Timestamp: 1_770_000_000_000 + offset}
		if key := e.PartitionKey(); key != "" {
			r.Key = encode([]byte(key))
		}
		if e.Data != nil {
			r.Value = encode(e.Data)
		}
		headers, _ := event.AppendHeaders[event.Header](nil, nil, e)
		for _, h := range headers {
			r.Headers = append(r.Headers, map[string][]int{h.Key: signed(h.Value)})
		}
		records = append(records, r)
	}
	text, err := json.Marshal(map[string]any{"eventSource": "aws:kafka", "records": map[string]any{"events-0": records}})
	if err != nil {
		panic(fmt.Sprintf("processortest: %v", err)) // cannot happen: they are numbers and strings
	}
	return text
}

func encode(b []byte) *string {
	s := base64.StdEncoding.EncodeToString(b)
	return &s
}

// signed converts bytes to Java's signed bytes.
func signed(b []byte) []int {
	all := make([]int, len(b))
	for i, c := range b {
		all[i] = int(int8(c))
	}
	return all
}
