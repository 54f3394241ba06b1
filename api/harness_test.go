package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/api"
	"event-processing-service/internal/event"
	"event-processing-service/internal/kafka"
	"event-processing-service/schemas"
)

// service is the API on a real listener, in front of an embedded broker.
type service struct {
	t       *testing.T
	url     string
	server  *api.Server
	cluster *kfake.Cluster
	stop    context.CancelFunc // as SIGTERM does
	stopped chan error
}

type outcomes map[event.Identity]event.Outcome

func (o outcomes) Outcome(_ context.Context, id event.Identity) (event.Outcome, bool, error) {
	outcome, known := o[id]
	return outcome, known, nil
}

func (outcomes) Check(context.Context) error { return nil }

func start(t *testing.T, change ...func(*api.Config)) *service {
	return startWith(t, outcomes{}, change...)
}

func startWith(t *testing.T, known api.Outcomes, change ...func(*api.Config)) *service {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, "events"))
	if err != nil {
		t.Fatalf("start broker: %v", err)
	}
	t.Cleanup(cluster.Close)
	publisher, err := kafka.NewPublisher(kafka.Config{Brokers: cluster.ListenAddrs(), Auth: kafka.AuthNone},
		kafka.ProducerConfig{Timeout: 2 * time.Second}, "events")
	if err != nil {
		t.Fatalf("make publisher: %v", err)
	}
	s := serve(t, publisher, known, change...)
	s.cluster = cluster
	t.Cleanup(func() {
		s.stop()
		flush, done := context.WithTimeout(context.Background(), time.Second)
		defer done()
		_ = publisher.Close(flush) // a test may have left the broker dead
	})
	return s
}

// serve starts the API in front of any publisher.
func serve(t *testing.T, publisher api.Publisher, known api.Outcomes, change ...func(*api.Config)) *service {
	t.Helper()
	cfg := api.Config{Version: "test", Schemas: testSchemas(), TLS: encrypted}
	for _, f := range change {
		f(&cfg)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &service{t: t, url: "http://" + ln.Addr().String(), stop: cancel, stopped: make(chan error, 1),
		server: api.New(cfg, publisher, known, slog.New(slog.DiscardHandler))}
	if cfg.TLS != nil {
		s.url = "https" + strings.TrimPrefix(s.url, "http")
	}
	go func() { s.stopped <- s.server.Serve(ctx, ln, 5*time.Second) }()
	t.Cleanup(func() {
		cancel()
		http.DefaultClient.CloseIdleConnections()
	})
	return s
}

// testSchemas are schemas that no owner of this service changes.
var testSchemas = sync.OnceValue(func() *schemas.Set {
	set, err := schemas.Load(os.DirFS("testdata/schemas"))
	if err != nil {
		panic(err)
	}
	return set
})

// broker is a publisher that does as it is told.
type broker struct {
	publish func(events []event.Event) []event.Receipt // nil: all are stored
	down    bool
}

func (b *broker) Publish(_ context.Context, events []event.Event, _ ...event.Header) []event.Receipt {
	if b.publish != nil {
		return b.publish(events)
	}
	return make([]event.Receipt, len(events))
}

func (b *broker) Check(context.Context) error {
	if b.down {
		return errors.New("down")
	}
	return nil
}

// failing is a broker that no event gets past.
func failing(failure event.Failure) *broker {
	return &broker{publish: func(events []event.Event) []event.Receipt {
		receipts := make([]event.Receipt, len(events))
		for i := range receipts {
			receipts[i].Err = &event.PublishError{Failure: failure, Err: errors.New("boom")}
		}
		return receipts
	}}
}

// answer is an HTTP answer, read.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	body   string
}

func (s *service) do(method, path, contentType, body string, headers ...string) answer {
	s.t.Helper()
	a, err := s.try(method, path, contentType, body, headers...)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

// try is do for goroutines, which may not end the test.
func (s *service) try(method, path, contentType, body string, headers ...string) (answer, error) {
	s.t.Helper()
	req, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	read, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, fmt.Errorf("read the answer: %w", err)
	}
	described(s.t, req, resp, read)
	return answer{t: s.t, status: resp.StatusCode, header: resp.Header, body: string(read)}, nil
}

func (s *service) post(contentType, body string, headers ...string) answer {
	s.t.Helper()
	return s.do(http.MethodPost, "/v1/events", contentType, body, headers...)
}

func (a answer) want(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("got status %d, want %d; body: %s", a.status, status, a.body)
	}
	return a
}

func (a answer) json(to any) {
	a.t.Helper()
	if err := json.Unmarshal([]byte(a.body), to); err != nil {
		a.t.Fatalf("decode %q: %v", a.body, err)
	}
}

// problemDocument is what a client sees of an error.
type problemDocument struct {
	Type, Title, Detail, Instance string
	Status                        int
	Retryable                     *bool
	RequestID                     string `json:"request_id"`
	Errors                        []struct{ Pointer, Header, Parameter, Detail string }
	Results                       []struct{ Status int }
}

// answered are the names of the problems that tests have provoked.
var answered sync.Map

// problem checks what every problem document must have, and returns it.
func (a answer) problem(status int) problemDocument {
	a.t.Helper()
	a.want(status)
	if got := a.header.Get("Content-Type"); got != "application/problem+json" {
		a.t.Errorf("a problem has content type %q", got)
	}
	var p problemDocument
	a.json(&p)
	if _, page, _ := strings.Cut(p.Type, "://"); !strings.HasPrefix(page, "127.0.0.1:") ||
		!strings.Contains(page, "/docs/problems/") {
		a.t.Errorf("the type %q is not a page of the service", p.Type)
	}
	answered.Store(p.Type[strings.LastIndexByte(p.Type, '/')+1:], true)
	if p.Status != status || p.Type == "" || p.Title == "" || p.Detail == "" || p.Instance == "" || p.Retryable == nil {
		a.t.Errorf("the problem lacks a member: %s", a.body)
	}
	if p.RequestID == "" || p.RequestID != a.header.Get("X-Request-Id") {
		a.t.Errorf("the problem's request id %q is not the answer's %q", p.RequestID, a.header.Get("X-Request-Id"))
	}
	if *p.Retryable != (a.header.Get("Retry-After") != "") {
		a.t.Errorf("retryable is %v with Retry-After %q", *p.Retryable, a.header.Get("Retry-After"))
	}
	return p
}

// records reads the topic from its start until it has n records, or, when n is 0, all that it has now. How many those
// are Kafka is asked: to wait for a while would miss some on a busy machine.
func (s *service) records(n int) []*kgo.Record {
	s.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.cluster.ListenAddrs()...), kgo.ConsumeTopics("events"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		s.t.Fatalf("make consumer: %v", err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if n == 0 {
		ends, err := kadm.NewClient(client).ListEndOffsets(ctx, "events")
		if err = errors.Join(err, ends.Error()); err != nil {
			s.t.Fatalf("ask how many records there are: %v", err)
		}
		ends.Each(func(end kadm.ListedOffset) { n += int(end.Offset) })
	}
	var records []*kgo.Record
	for len(records) < n {
		records = append(records, client.PollFetches(ctx).Records()...)
		if ctx.Err() != nil && len(records) < n {
			s.t.Fatalf("got %d records, want %d", len(records), n)
		}
	}
	return records
}

func header(r *kgo.Record, key string) string {
	for _, h := range r.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}
