package processor

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"event-processing-service/internal/event"
	"event-processing-service/internal/telemetry"
)

// Publisher stores events in the topic that events are read from.
type Publisher interface {
	Publish(ctx context.Context, events []event.Event, transport ...event.Header) []event.Receipt
}

// FollowUp is an event that a handler publishes because of the one that it handles, its cause.
type FollowUp struct {
	Type    string
	Subject string // also the key: follow-ups with one key are processed in order
	Name    string // distinguishes follow-ups of one cause with equal type and subject; it is used for the id only
	Data    any    // encoded as JSON. nil: no data

	DataSchema string // URI of the schema, to tell readers its version
}

// The extension attributes of a follow-up event.
const (
	causationID   = "causationid"   // the cause's id
	correlationID = "correlationid" // the correlationid of the cause, or the cause's id
	causationHops = "causationhops" // number of follow-ups in the chain, this one included
)

// MaxHops bounds a chain of follow-ups. Handlers that publish each other's events would otherwise continue for ever.
const MaxHops = 16

// errOutside: without a cause, a repetition could not use the same id.
var errOutside = errors.New("publish follow-up: ctx must be the handler's own, or made from it")

// Publish stores follow-ups of the current event, in their order. ctx is the handler's own. The error is nil only if
// every in-sync replica has all of them. After an error some may be stored, so return it: the next attempt publishes
// them again, under the same ids, and the processor drops copies.
//
// The id is made of the cause's identity, the type, the subject, the name, and the processor's name if it has one.
// Publish refuses two follow-ups that agree in these, a follow-up that is not a valid event or too large, and a chain
// longer than MaxHops: these errors are permanent.
func (d *Deps) Publish(ctx context.Context, followUps ...FollowUp) error {
	c, ok := ctx.Value(callKey{}).(*call)
	if !ok || d.Publisher == nil {
		return Permanent(errOutside)
	}
	events := make([]event.Event, len(followUps))
	for i := range followUps {
		var err error
		if events[i], err = followUps[i].event(&c.event, c.cfg.Name); err == nil && !c.cfg.SchemasWarn {
			err = c.cfg.breach(&events[i], nil)
		}
		if err != nil {
			return Permanent(fmt.Errorf("publish follow-up %s: %w", followUps[i].Type, err))
		}
	}
	ids, err := c.published.without(events)
	if err != nil {
		return Permanent(err)
	}
	var receipts []event.Receipt
	stored := make(chan []event.Receipt, 1)
	go func() { stored <- d.Publisher.Publish(ctx, events, c.transport()...) }() // may take longer than ctx
	select {
	case receipts = <-stored:
	case <-ctx.Done():
		return fmt.Errorf("publish follow-ups: %w", context.Cause(ctx))
	}
	for i, r := range receipts {
		if r.Err == nil {
			continue
		}
		err := fmt.Errorf("publish follow-up %s: %w", events[i].Type, r.Err)
		if f := event.FailureOf(r.Err); f == event.FailureTooLarge || f == event.FailureInvalid {
			return Permanent(err)
		}
		return err
	}
	c.published.add(ids)
	return nil
}

func (f *FollowUp) event(cause *event.Event, processor string) (event.Event, error) {
	hops := 1
	if n, err := strconv.Atoi(cause.Extension(causationHops)); err == nil && n > 0 {
		hops += min(n, MaxHops)
	}
	if hops > MaxHops {
		return event.Event{}, fmt.Errorf("it would be number %d of a chain of follow-ups, and the limit is %d: "+
			"do handlers publish the events that cause each other?", hops, MaxHops)
	}
	correlation := cause.Extension(correlationID)
	if correlation == "" {
		correlation = cause.ID
	}
	e := event.Event{
		ID: f.id(cause, processor), Source: event.FollowUpSource, Type: f.Type, Subject: f.Subject, DataSchema: f.DataSchema,
		Time: time.Now().UTC().Format(time.RFC3339Nano),
		Extensions: []event.Extension{
			{Name: causationID, Value: cause.ID}, {Name: correlationID, Value: correlation},
			{Name: causationHops, Value: strconv.Itoa(hops)},
		},
	}
	if f.Data != nil {
		data, err := json.Marshal(f.Data, json.Deterministic(true))
		if err != nil {
			return e, fmt.Errorf("write its data as JSON: %w", err)
		}
		e.Data, e.DataContentType = data, "application/json"
	}
	return e, e.Validate()
}

// id is the same whenever the same processor publishes the same follow-up of the same cause. Lengths separate its
// parts.
func (f *FollowUp) id(cause *event.Event, processor string) string {
	parts := []string{cause.Source, cause.ID, f.Type, f.Subject, f.Name}
	if processor != "" {
		parts = append(parts, processor)
	}
	var text []byte
	for _, part := range parts {
		text = append(binary.AppendUvarint(text, uint64(len(part))), part...)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// publications are the ids that one call of a handler has published. A second event with one of them would be lost.
type publications struct {
	mu  sync.Mutex
	ids []string
}

// without returns the ids of events, or an error if one of them was published before.
func (p *publications) without(events []event.Event) (ids []string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range events {
		if slices.Contains(p.ids, e.ID) || slices.Contains(ids, e.ID) {
			return nil, fmt.Errorf("publish follow-up %s: the event has one of this type with subject %q already; "+
				"give each a Name", e.Type, e.Subject)
		}
		ids = append(ids, e.ID)
	}
	return ids, nil
}

func (p *publications) add(ids []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ids = append(p.ids, ids...)
}

// transport returns the headers that follow-ups take over from the cause's record: the request id, and the client,
// which may read their outcomes.
func (c *call) transport() (headers []event.Header) {
	if id := telemetry.RequestID(c); id != "" {
		headers = append(headers, event.Header{Key: "x-request-id", Value: []byte(id)})
	}
	if c.client != "" {
		headers = append(headers, event.Header{Key: event.ClientHeader, Value: []byte(c.client)})
	}
	return headers
}
