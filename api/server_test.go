package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"event-processing-service/api"
)

func TestHelloSaysHello(t *testing.T) {
	s := start(t)
	for _, path := range []string{"/hello", "/v1/hello"} {
		if a := s.do(http.MethodGet, path, "", "").want(200); a.body != `{"message":"Hello World!"}` {
			t.Errorf("%s answers %s", path, a.body)
		}
	}
}

func TestCurrentTimePublishesTheEventThatItsConsumersKnow(t *testing.T) {
	s := start(t)
	var got struct{ ID, Message, Timestamp string }
	s.do(http.MethodGet, "/current_time?name=Ada%20L", "", "").want(200).json(&got)
	at, err := time.Parse(time.RFC3339, got.Timestamp)
	if err != nil || got.Message != "Hello Ada L" || !strings.HasSuffix(got.Timestamp, "Z") {
		t.Errorf("answered %+v (%v)", got, err)
	}
	r := s.records(1)[0]
	var value struct {
		ID, User, Message string
		Timestamp         int64
	}
	if err := json.Unmarshal(r.Value, &value); err != nil {
		t.Fatal(err)
	}
	if value.ID != got.ID || value.User != "Ada L" || value.Message != got.Message || value.Timestamp != at.Unix() {
		t.Errorf("the value is %+v for answer %+v", value, got)
	}
	if string(r.Key) != "Ada L" || header(r, "ce_type") != "current_time.requested" ||
		header(r, "ce_source") != "/event-processing-service/api" || header(r, "ce_id") != got.ID {
		t.Errorf("the record has key %q and headers %v", r.Key, r.Headers)
	}
	s.do(http.MethodGet, "/v1/current_time", "", "").want(200)
}

func TestANameThatIsTooLongIsRefused(t *testing.T) {
	s := start(t)
	p := s.do(http.MethodGet, "/current_time?name="+strings.Repeat("x", 10_000), "", "").problem(400)
	if len(p.Errors) != 1 || p.Errors[0].Parameter != "name" {
		t.Errorf("the fault is %+v", p.Errors)
	}
	s.do(http.MethodGet, "/current_time?name=a%00b", "", "").problem(400)
	if len(s.records(0)) != 0 {
		t.Error("a refused name reached Kafka")
	}
}

func TestWhatTheFrameworkRefusesIsAProblemDocumentToo(t *testing.T) {
	s := start(t)
	s.do(http.MethodGet, "/nowhere", "", "").problem(404)
	if a := s.do(http.MethodDelete, "/v1/events", "", ""); a.header.Get("Allow") != "POST, OPTIONS" {
		t.Errorf("Allow is %q", a.header.Get("Allow"))
	} else {
		a.problem(405)
	}
	if a := s.do(http.MethodOptions, "/v1/events", "", "", "WebHook-Request-Origin", "example.com"); a.status != 405 {
		t.Errorf("the webhook handshake is answered with %d", a.status)
	}
	s.do(http.MethodGet, "/hello", "", "", "X-Filler", strings.Repeat("x", 40<<10)).problem(431)
}

func TestTheRequestIDIsKeptIfItIsSane(t *testing.T) {
	s := start(t)
	if got := s.do(http.MethodGet, "/hello", "", "", "X-Request-Id", "abc-1").header.Get("X-Request-Id"); got != "abc-1" {
		t.Errorf("a sane id became %q", got)
	}
	for _, insane := range []string{"", "a b", strings.Repeat("x", 129), `a"b`} {
		if got := s.do(http.MethodGet, "/hello", "", "", "X-Request-Id", insane).header.Get("X-Request-Id"); got == insane ||
			len(got) != 36 {
			t.Errorf("%q became %q", insane, got)
		}
	}
}

func TestHealth(t *testing.T) {
	s := start(t)
	for _, path := range []string{"/healthcheck", "/health", "/health/live"} {
		if a := s.do(http.MethodGet, path, "", "").want(200); a.body != `{"status":"healthy"}` ||
			a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s answers %s", path, a.body)
		}
	}
	var got struct {
		Status, Version string
		Timestamp       time.Time
		Dependencies    map[string]struct{ Status string }
		Metrics         map[string]float64
	}
	s.do(http.MethodGet, "/health/ready", "", "").want(200).json(&got)
	if got.Status != "healthy" || got.Version != "test" || got.Timestamp.IsZero() ||
		got.Dependencies["kafka"].Status != "healthy" || got.Metrics["memory_usage_mb"] <= 0 {
		t.Errorf("ready answers %+v", got)
	}
}

// hold makes the broker answer nothing until the test ends it.
func (s *service) hold(key kmsg.Key) (release func()) {
	gate := make(chan struct{})
	var once sync.Once
	release = func() { once.Do(func() { close(gate) }) }
	s.t.Cleanup(release)
	s.cluster.ControlKey(int16(key), func(kmsg.Request) (kmsg.Response, error, bool) {
		s.cluster.SleepControl(func() { <-gate })
		return nil, nil, false
	})
	return release
}

// eventually waits for what a busy machine may be late with.
func (s *service) eventually(what string, is func() bool) {
	s.t.Helper()
	for end := time.Now().Add(10 * time.Second); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("not %s within 10 s", what)
		}
	}
}

func TestWithoutAnAnswerFromKafkaAPostIs503WithinTheTimeOutAndTheRestGoesOn(t *testing.T) {
	s := start(t)
	s.hold(kmsg.Produce)
	began := time.Now()
	a := s.post("application/cloudevents+json", structured)
	if p := a.problem(503); !*p.Retryable || !strings.Contains(p.Detail, "not known") {
		t.Errorf("answered %+v", p)
	}
	if took := time.Since(began); took > 8*time.Second { // Kafka's client alone would try for minutes
		t.Errorf("took %s with a time-out of 2s", took)
	}
	s.do(http.MethodGet, "/hello", "", "").want(200)
	s.do(http.MethodGet, "/healthcheck", "", "").want(200)
}

func TestReadyFollowsTheBroker(t *testing.T) {
	s := start(t)
	release := s.hold(kmsg.Metadata)
	s.do(http.MethodGet, "/health/ready", "", "").want(503)
	release()
	s.eventually("ready with the broker",
		func() bool { return s.do(http.MethodGet, "/health/ready", "", "").status == 200 })
}

func TestSIGTERMLetsRequestsFinishAndSaysNotReadyFirst(t *testing.T) {
	b, asked, open := gated()
	defer open()
	s := serve(t, b, nil, func(c *api.Config) { c.DrainDelay = 2 * time.Second })
	posted := make(chan answer, 1)
	go func() {
		a, err := s.try(http.MethodPost, "/v1/events", "application/cloudevents+json", structured)
		if err != nil {
			t.Errorf("the post that is under way: %v", err)
		}
		posted <- a
	}()
	<-asked // the post is under way
	s.stop()
	s.eventually("not ready", func() bool { // and a connection is still accepted
		http.DefaultClient.CloseIdleConnections()
		return s.do(http.MethodGet, "/health/ready", "", "").status == 503
	})
	s.eventually("closed to new connections", func() bool {
		conn, err := s.dial()
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	open()
	(<-posted).want(202)
	select {
	case err := <-s.stopped:
		if err != nil {
			t.Errorf("stopping ends with %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it does not stop")
	}
	if _, err := http.Get(s.url + "/hello"); err == nil {
		t.Error("it goes on to serve")
	}
}
