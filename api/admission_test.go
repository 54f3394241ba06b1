package api_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"event-processing-service/api"
	"event-processing-service/internal/event"
)

// gated is a broker that answers once the gate is open, and tells when it was asked.
func gated() (b *broker, asked chan int, open func()) {
	gate := make(chan struct{})
	asked = make(chan int, 100)
	return &broker{publish: func(events []event.Event) []event.Receipt {
		asked <- len(events)
		<-gate
		return make([]event.Receipt, len(events))
	}}, asked, sync.OnceFunc(func() { close(gate) })
}

func TestBeyondTheRequestsInFlightTheAnswerIs503AtOnceAndHealthIsTold(t *testing.T) {
	b, asked, open := gated()
	s := serve(t, b, nil, func(c *api.Config) { c.MaxInFlight = 2 })
	defer open()
	var under sync.WaitGroup
	for range 2 {
		under.Go(func() { s.post("application/cloudevents+json", structured).want(202) })
		<-asked
	}
	began := time.Now() // the gate stays shut: anything that had to wait would wait forever
	if p := s.post("application/cloudevents+json", structured).problem(503); !strings.HasSuffix(p.Type, "/overloaded") {
		t.Errorf("it is %s", p.Type)
	}
	s.do(http.MethodGet, "/hello", "", "").problem(503)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("two refusals took %s", took)
	}
	s.do(http.MethodGet, "/health/live", "", "").want(200)
	s.do(http.MethodGet, "/health/ready", "", "").want(200)
	open()
	under.Wait()
	s.do(http.MethodGet, "/hello", "", "").want(200)
}

func TestLargeBodiesLeaveRoomForSmallPosts(t *testing.T) {
	s := serve(t, &broker{}, nil, func(c *api.Config) { c.MaxBufferedBytes = 1 << 20 })
	const head = "POST /v1/events HTTP/1.1\r\nHost: h\r\nContent-Type: " +
		"application/cloudevents-batch+json\r\nContent-Length: 4000000\r\n\r\n"
	// Each sends 256 KiB of 4 MB and then nothing: two fill the half that large bodies may have.
	for range 4 {
		conn, err := s.dial()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		go func() { _, _ = io.WriteString(conn, head+strings.Repeat(" ", 256<<10)) }() // may be refused midway
	}
	large := strings.Repeat(" ", 300<<10) + "[]"
	for deadline := time.Now().Add(5 * time.Second); s.post("application/cloudevents-batch+json", large).status !=
		503; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("large bodies are taken without end")
		}
	}
	for range 100 {
		s.post("application/cloudevents+json", structured).want(202)
	}
}

func TestRoomIsGivenBack(t *testing.T) {
	s := serve(t, &broker{}, nil, func(c *api.Config) { c.MaxBufferedBytes = 1 << 20 })
	large := "[" + strings.Repeat(" ", 400<<10) + structured + "]"
	for range 10 { // ten times what there is room for
		s.post("application/cloudevents-batch+json", large).want(202)
		s.post("application/cloudevents-batch+json", large[1:]).problem(400)
	}
}

func TestTooManyEventsOfBatchesAtOnceAreRefusedAndPostsOfOneEventGoOn(t *testing.T) {
	b, asked, open := gated()
	s := serve(t, b, nil)
	defer open()
	thousand := "[" + strings.Repeat(structured+",", 999) + structured + "]"
	var under sync.WaitGroup
	for range 49 { // 49,152 events are the bound
		under.Go(func() { s.post("application/cloudevents-batch+json", thousand).want(202) })
		<-asked
	}
	s.post("application/cloudevents-batch+json", thousand).problem(503)
	under.Go(func() { s.post("application/cloudevents+json", structured).want(202) })
	<-asked // it has got to the broker
	open()
	under.Wait()
}

func TestABodyThatGrowsBeyondTheLimitIsRefusedWhereItDoes(t *testing.T) {
	s := serve(t, &broker{}, nil, func(c *api.Config) { c.MaxBodyBytes = 100 << 10 })
	head := "POST /v1/events HTTP/1.1\r\nHost: h\r\nContent-Type: application/cloudevents+json\r\nTransfer-Encoding: " +
		"chunked\r\n\r\n"
	got := s.raw(head+fmt.Sprintf("%x\r\n%s", 1<<30, strings.Repeat(" ", 200<<10)), 10*time.Second)
	if !strings.HasPrefix(got, "HTTP/1.1 413 ") || !strings.Contains(got, "/docs/problems/body-too-large") {
		t.Errorf("answered %q", got)
	}
}
