package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/valyala/fasthttp"

	"event-processing-service/internal/event"
	"event-processing-service/schemas"
)

// stored keeps what is published, as its records.
type stored struct{ records []event.Record }

func (s *stored) Publish(_ context.Context, events []event.Event, transport ...event.Header) []event.Receipt {
	for i := range events {
		headers, _ := event.AppendHeaders(slices.Clone(transport), nil, &events[i])
		s.records = append(s.records, event.Record{Headers: headers, Value: events[i].Data})
	}
	return make([]event.Receipt, len(events))
}

func (*stored) Check(context.Context) error { return nil }

// What the processor reads of the records of a request is held against the rules that the request was held against: a
// client that is bound to a source and a type, data that has a schema, and the answer, which names the events. And what
// the request costs is bounded by its bytes.
func FuzzFromPostToHandler(f *testing.F) {
	set, err := schemas.Load(fstest.MapFS{"t.json": {Data: []byte(`{"type":"object","maxProperties":1}`)}})
	if err != nil {
		f.Fatal(err)
	}
	const key = "0123456789abcdef"
	kafka := &stored{}
	server := New(Config{
		Schemas: set, SchemaMode: SchemasStrict,
		Clients: Clients{"shop": {Keys: []Key{{Hash: sha256.Sum256([]byte(key))}}, Sources: []string{"/shop/*"}}},
	}, kafka, nil, slog.New(slog.DiscardHandler))
	const one = `{"specversion":"1.0","id":"1","source":"/shop/1","type":"t","data":{"a":1}}`
	inner := `{"specversion":"1.0","id":"1","source":"/shop/1","type":"t",` +
		`"datacontenttype":"application/cloudevents+json",` +
		`"data":{"specversion":"1.0","id":"2","source":"/kafka/x","type":"admin"}}`
	for _, seed := range [][3]string{
		{"application/cloudevents+json", "", one},
		{"application/cloudevents+json", "", inner},
		{"application/cloudevents-batch+json", "", "[" + one + "," + inner + ",{}]"},
		{"application/json", "Idempotency-Key: 7\n", `{"type":"t","data":{}}`},
		{"application/json", "ce-specversion: 1.0\nce-id: 1\nce-source: %2Fshop%2F1\nce-type: t\nce-dct: x", `{"a":1}`},
		{"Application/CloudEvents+JSON; charset=UTF-8", "ce-id: 2", one},
		{"application/cloudevents+json", "Content-Encoding: zstd", "\x28\xb5\x2f\xfd\x00\x58\x02\x00\x10\x00\x01\x00\x00"},
		{"application/cloudevents+json", "", `{"type":"t","data":{"a":1e999999}}`},
	} {
		f.Add(seed[0], seed[1], []byte(seed[2]))
	}
	f.Fuzz(func(t *testing.T, contentType, headers string, body []byte) {
		kafka.records = nil
		var ctx fasthttp.RequestCtx
		ctx.Request.Header.SetMethod(fasthttp.MethodPost)
		ctx.Request.SetRequestURI(eventsPath)
		ctx.Request.Header.SetHost("h")
		for line := range strings.SplitSeq(headers, "\n") {
			if name, value, found := strings.Cut(line, ":"); found && token([]byte(name)) {
				ctx.Request.Header.Add(name, strings.TrimSpace(value))
			}
		}
		ctx.Request.Header.Set("X-API-Key", key)
		ctx.Request.Header.SetContentType(contentType)
		ctx.Request.SetBodyStream(io.NopCloser(bytes.NewReader(body)), len(body))
		sent := len(body) + len(contentType) + len(headers)
		began := time.Now()
		server.app.Handler()(&ctx)
		// The clock that a busy machine shares runs on, and a fuzzer keeps it busy.
		if took, most := time.Since(began), 2*time.Second+time.Duration(sent)*30*time.Microsecond; took > most {
			t.Fatalf("%d bytes took %v", sent, took)
		}
		answer := ctx.Response.Body()
		for i := range kafka.records {
			e, err := event.FromRecord(&kafka.records[i])
			if err != nil {
				t.Fatalf("the processor can't read an event that was stored: %v", err)
			}
			id, err := encodeJSON(e.ID)
			if err != nil || !bytes.Contains(answer, id) {
				t.Errorf("the answer does not name event %s: %s", id, answer)
			}
			if !strings.HasPrefix(e.Source, "/shop/") && e.Source != sourceOf("shop") {
				t.Errorf("a client that is bound to /shop/* posted an event of %q", e.Source)
			}
			if e.Type != "t" || !e.HasJSONData() || set.Validate(e.Type, e.Data) != nil {
				t.Errorf("a %q of %q with %q was not held against its schema", e.Type, e.DataContentType, e.Data)
			}
			again := event.Record{Value: e.Data}
			again.Headers, _ = event.AppendHeaders(again.Headers, nil, &e)
			if read, err := event.FromRecord(&again); err != nil || !reflect.DeepEqual(read, e) {
				t.Errorf("read again, it is another event: %+v and %+v, %v", e, read, err)
			}
		}
		if status := ctx.Response.StatusCode(); status == fasthttp.StatusAccepted && len(kafka.records) == 0 &&
			!bytes.Contains(answer, []byte(`"accepted":0,"rejected":0`)) {
			t.Errorf("202, and nothing is stored: %s", answer)
		}
		if status := ctx.Response.StatusCode(); status >= 500 {
			t.Errorf("%d: %s", status, answer)
		}
	})
}
