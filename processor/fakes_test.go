package processor

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"event-processing-service/internal/event"
	"event-processing-service/internal/payload"
	"event-processing-service/internal/store"
)

// topicFake is the dead letter topic. Optional functions decide about each call: fail, whether the broker refuses the
// record; forget, whether it stores the record and the answer is lost; unreadable, whether a reading breaks off after
// so many records.
type topicFake struct {
	mu         sync.Mutex
	records    []event.Record
	readings   []time.Time // start time of each reading
	fail       func(event.Record) error
	forget     func(event.Record) error
	unreadable func(ctx context.Context, records int) error
}

func (t *topicFake) Publish(ctx context.Context, r event.Record) (event.Place, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.fail != nil {
		if err := t.fail(r); err != nil {
			return event.Place{}, err
		}
	}
	r.Partition, r.Offset, r.Timestamp = 2, int64(len(t.records)), time.Now()
	t.records = append(t.records, r)
	if t.forget != nil {
		if err := t.forget(r); err != nil {
			return event.Place{}, err
		}
	}
	return r.Place, nil
}

func (t *topicFake) Since(ctx context.Context, since time.Time) iter.Seq2[event.Record, error] {
	t.mu.Lock()
	t.readings = append(t.readings, since)
	t.mu.Unlock()
	return func(yield func(event.Record, error) bool) {
		for n, r := range t.all() {
			if t.unreadable != nil {
				if err := t.unreadable(ctx, n); err != nil {
					yield(event.Record{}, err)
					return
				}
			}
			if !r.Timestamp.Before(since) && !yield(r, nil) {
				return
			}
		}
	}
}

func (t *topicFake) all() []event.Record {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]event.Record(nil), t.records...)
}

func (t *topicFake) Len() int { return len(t.all()) }

// rig is a processor with all its parts. A test changes one of them before the first call of deliver.
type rig struct {
	cfg   Config
	mux   Mux
	store Store
	mem   *store.Memory
	dead  topicFake
	log   *slog.Logger
	p     *Processor
}

func newRig() *rig {
	r := &rig{cfg: DefaultConfig(), mem: store.NewMemory(store.DefaultRetention), log: slog.New(slog.DiscardHandler)}
	r.store = r.mem
	return r
}

func (r *rig) build(t testing.TB) *Processor {
	t.Helper()
	if r.p == nil {
		var err error
		if r.p, err = New(r.cfg, &r.mux, r.store, &r.dead, r.log); err != nil {
			t.Fatal(err)
		}
	}
	return r.p
}

func (r *rig) deliver(ctx context.Context, t testing.TB, in events.KafkaEvent) (payload.Response, error) {
	t.Helper()
	return invoke(ctx, r.build(t), in)
}

// invoke calls the function as Lambda does, with a payload.
func invoke(ctx context.Context, p *Processor, in events.KafkaEvent) (response payload.Response, err error) {
	answer, err := payload.Function(p.Handle).Invoke(ctx, payloadOf(in))
	if err == nil {
		err = json.Unmarshal(answer, &response)
	}
	return response, err
}

// payloadOf is the payload as aws-lambda-go writes it, but a record without a timestamp has none.
func payloadOf(in events.KafkaEvent) []byte {
	text, err := json.Marshal(in)
	if err != nil {
		panic(err)
	}
	zero, err := json.Marshal(events.MilliSecondsEpochTime{})
	if err != nil {
		panic(err)
	}
	return bytes.ReplaceAll(text, fmt.Appendf(nil, `"timestamp":%s,`, zero), nil)
}

func (r *rig) outcome(t testing.TB, source, id string) event.Outcome {
	t.Helper()
	o, _, err := r.mem.Outcome(t.Context(), event.Identity{Source: source, ID: id})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// record is a payload's record with a CloudEvent in binary mode.
func record(offset int64, key, id, eventType string) events.KafkaRecord {
	return payloadRecord(event.Record{
		Place: event.Place{Topic: "events", Offset: offset}, Key: []byte(key), Value: []byte(`{"n":1}`),
		Headers: []event.Header{
			{Key: "ce_specversion", Value: []byte("1.0")},
			{Key: "ce_id", Value: []byte(id)},
			{Key: "ce_source", Value: []byte("/test")},
			{Key: "ce_type", Value: []byte(eventType)},
			{Key: "content-type", Value: []byte("application/json")},
		},
	})
}

func payloadRecord(r event.Record) events.KafkaRecord {
	out := events.KafkaRecord{
		Topic: r.Topic, Partition: int64(r.Partition), Offset: r.Offset, TimestampType: "CREATE_TIME",
		Timestamp: events.MilliSecondsEpochTime{Time: r.Timestamp},
		Key:       encode(r.Key), Value: encode(r.Value),
	}
	for _, h := range r.Headers {
		out.Headers = append(out.Headers, map[string]events.JSONNumberBytes{h.Key: events.JSONNumberBytes(h.Value)})
	}
	return out
}

func encode(b []byte) string {
	s, _ := json.Marshal(b) // []byte is base64 in JSON
	if b == nil {
		return ""
	}
	return string(s[1 : len(s)-1])
}

func batchOf(records ...events.KafkaRecord) events.KafkaEvent {
	return events.KafkaEvent{EventSource: "aws:kafka", Records: map[string][]events.KafkaRecord{"events-0": records}}
}
