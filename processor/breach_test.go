package processor

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/aws/aws-lambda-go/events"

	"event-processing-service/internal/event"
	"event-processing-service/schemas"
)

// withSchemas is a rig with a schema by which the data of order.created and of recorded has an integer.
func withSchemas(t *testing.T) *rig {
	t.Helper()
	schema := &fstest.MapFile{Data: []byte(`{"required":["n"],"properties":{"n":{"type":"integer","maximum":9}}}`)}
	set, err := schemas.Load(fstest.MapFS{"order.created.json": schema, "recorded.json": schema})
	if err != nil {
		t.Fatal(err)
	}
	r := newRig()
	r.cfg.Schemas = set
	return r
}

func withData(id, eventType, data string, more ...event.Header) events.KafkaRecord {
	one := record(1, "k"+id, id, eventType)
	one.Value = encode([]byte(data))
	for _, h := range more {
		one.Headers = append(one.Headers, map[string]events.JSONNumberBytes{h.Key: events.JSONNumberBytes(h.Value)})
	}
	return one
}

func TestAnEventThatBreaksItsSchemaIsADeadLetterThatNoHandlerSees(t *testing.T) {
	r := withSchemas(t)
	var handled []string
	r.mux.HandleFunc("order.created", func(_ context.Context, e event.Event) error {
		handled = append(handled, e.ID)
		return nil
	})
	for id, one := range map[string]events.KafkaRecord{
		"good": withData("good", "order.created", `{"n":9}`), "bad": withData("bad", "order.created", `{"n":1234}`),
		"text": withData("text", "recorded", `n`), "empty": withData("empty", "recorded", `{}`),
		"free": withData("free", "unheard.of", `n`),
	} {
		if _, err := r.deliver(t.Context(), t, batchOf(one)); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	if fmt.Sprint(handled) != "[good]" {
		t.Errorf("the handler saw %v, want good alone", handled)
	}
	for id, want := range map[string]string{
		"good": "", "free": "",
		"bad":   "data breaks the schema of order.created: at /n: want at most 9",
		"text":  "data breaks the schema of recorded: at its top: data must be valid JSON",
		"empty": "data breaks the schema of recorded: at its top: missing property 'n'",
	} {
		o := r.outcome(t, "/test", id)
		if (o.Status == event.StatusDeadLettered) != (want != "") || o.Reason != want || strings.Contains(o.Reason, "1234") {
			t.Errorf("%s ends as %+v, want %q", id, o, want)
		}
	}
}

func TestAnEventThatBreaksItsSchemaIsHandledAndLoggedInModeWarn(t *testing.T) {
	r := withSchemas(t)
	r.cfg.SchemasWarn = true
	var log bytes.Buffer
	r.log = slog.New(slog.NewJSONHandler(&log, nil))
	if _, err := r.deliver(t.Context(), t, batchOf(withData("1", "recorded", `{"n":1234}`))); err != nil {
		t.Fatal(err)
	}
	if o := r.outcome(t, "/test", "1"); o.Status != event.StatusProcessed {
		t.Errorf("it ends as %+v", o)
	}
	if !strings.Contains(log.String(), `"msg":"event breaks its schema"`) || strings.Contains(log.String(), "1234") {
		t.Errorf("the log is %s", log.String())
	}
}

func TestAFollowUpThatBreaksItsSchemaIsNotPublished(t *testing.T) {
	r := withSchemas(t)
	deps := &Deps{Publisher: nobody{}}
	r.mux.HandleFunc("t", func(ctx context.Context, _ event.Event) error {
		return deps.Publish(ctx, FollowUp{Type: "order.created", Data: map[string]string{"n": "x"}})
	})
	if _, err := r.deliver(t.Context(), t, batchOf(record(1, "k", "1", "t"))); err != nil {
		t.Fatal(err)
	}
	if o := r.outcome(t, "/test", "1"); !strings.Contains(o.Reason, "at /n: want integer, not string") {
		t.Errorf("it ends as %+v", o)
	}
}

// nobody takes every event.
type nobody struct{}

func (nobody) Publish(_ context.Context, events []event.Event, _ ...event.Header) []event.Receipt {
	return make([]event.Receipt, len(events))
}

func TestDataOfAnOlderVersionIsBroughtUpToDate(t *testing.T) {
	type old struct {
		Count string `json:"count"`
	}
	type current struct {
		N int `json:"n"`
	}
	upcast := Upcast("/order.created/1", func(o old) (c current, err error) {
		_, err = fmt.Sscan(o.Count, &c.N)
		return c, err
	})
	r := withSchemas(t)
	got := map[string]int{}
	On(&r.mux, "order.created", func(_ context.Context, e event.Event, c current) error {
		got[e.ID] = c.N
		return nil
	}, upcast)
	of := func(uri string) event.Header { return event.Header{Key: "ce_dataschema", Value: []byte(uri)} }
	const first = "https://schemas.example.com/order.created/1"
	for _, one := range []events.KafkaRecord{
		withData("new", "order.created", `{"n":1}`, of("https://schemas.example.com/order.created/2")),
		withData("old", "order.created", `{"count":"7"}`, of(first)),
		withData("bad", "order.created", `{"count":7}`, of(first)),
		withData("refused", "order.created", `{"count":"x"}`, of(first)),
	} {
		if _, err := r.deliver(t.Context(), t, batchOf(one)); err != nil {
			t.Fatal(err)
		}
	}
	if want := map[string]int{"new": 1, "old": 7}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the handler got %v, want %v", got, want)
	}
	for id, want := range map[string]string{
		"bad": "read data at /count: want a string", "refused": "bring data of version /order.created/1 up to date",
	} {
		if o := r.outcome(t, "/test", id); o.Attempts != 1 || !strings.HasPrefix(o.Reason, want) {
			t.Errorf("%s ends as %+v", id, o)
		}
	}
	defer func() {
		if s := fmt.Sprint(recover()); !strings.Contains(s, "the upcast of /order.created/1 makes a") {
			t.Errorf("an upcast to another type is registered: %s", s)
		}
	}()
	On(&r.mux, "order.other", func(context.Context, event.Event, string) error { return nil }, upcast)
}
