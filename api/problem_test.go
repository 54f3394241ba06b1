package api_test

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"event-processing-service/api"
	"event-processing-service/internal/event"
)

// TestMain makes sure that some test provokes each problem of the catalogue, when all of them ran.
func TestMain(m *testing.M) {
	code := m.Run()
	if f := flag.Lookup("test.run"); code == 0 && f.Value.String() == "" &&
		flag.Lookup("test.list").Value.String() == "" && !testing.Short() {
		for _, p := range api.Problems() {
			if _, provoked := answered.Load(p.Name); !provoked {
				fmt.Printf("no test provokes the problem %s (%d)\n", p.Name, p.Status)
				code = 1
			}
		}
	}
	os.Exit(code)
}

func TestEachProblemHasAPageThatTheListLinksTo(t *testing.T) {
	s := serve(t, &broker{}, nil)
	list := s.do(http.MethodGet, "/docs/problems", "", "").want(200)
	for _, p := range api.Problems() {
		path := "/docs/problems/" + p.Name
		page := s.do(http.MethodGet, path, "", "").want(200)
		for _, part := range []string{"What it means", "What to do", "Whether to retry",
			fmt.Sprintf("HTTP status %d", p.Status), "Example", "&#34;retryable&#34;"} {
			if !strings.Contains(page.body, part) {
				t.Errorf("the page of %s lacks %q", p.Name, part)
			}
		}
		if !strings.Contains(list.body, `href="`+path+`"`) {
			t.Errorf("the list lacks %s", p.Name)
		}
	}
	s.do(http.MethodGet, "/docs/problems/unheard-of", "", "").problem(404)
}

func TestTheTypeOfAProblemLeadsToItsPage(t *testing.T) {
	s := serve(t, &broker{}, nil)
	p := s.post("text/plain", "x").problem(415)
	resp, err := http.Get(p.Type)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK || !strings.Contains(string(body), p.Title) {
		t.Errorf("%s is answered with %d %s", p.Type, resp.StatusCode, body)
	}
}

func TestEachWayInWhichKafkaFailsHasItsProblem(t *testing.T) {
	for failure, want := range map[event.Failure]struct {
		status int
		name   string
		batch  int
	}{
		event.FailureNotSent:         {503, "not-sent", 503},
		event.FailureOutcomeUnknown:  {503, "outcome-unknown", 503},
		event.FailureKeysUnavailable: {503, "keys-unavailable", 503},
		event.FailureKafkaRefuses:    {500, "kafka-refuses", 400},
		event.FailureTooLarge:        {413, "event-too-large", 400},
	} {
		s := serve(t, failing(failure), nil)
		if p := s.post("application/cloudevents+json", structured).problem(want.status); !strings.HasSuffix(p.Type,
			"/"+want.name) || strings.Contains(p.Detail, "boom") {
			t.Errorf("%s is %s: %s", failure, p.Type, p.Detail)
		}
		if p := s.post("application/cloudevents-batch+json", "["+structured+"]").problem(want.batch); len(p.Results) != 1 ||
			p.Results[0].Status != want.status {
			t.Errorf("a batch that fails by %s: %+v", failure, p)
		}
	}
}

func TestAPanicIsAProblemThatTellsNothingOfTheInside(t *testing.T) {
	s := serve(t, &broker{publish: func([]event.Event) []event.Receipt { panic("secret") }}, nil)
	if p := s.post("application/cloudevents+json", structured).problem(500); strings.Contains(p.Detail, "secret") {
		t.Errorf("it tells %q", p.Detail)
	}
}

// raw sends bytes and returns all that comes back until the server closes the connection.
func (s *service) raw(request string, patience time.Duration) string {
	s.t.Helper()
	conn, err := s.dial()
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		s.t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		s.t.Fatal(err)
	}
	body, err := io.ReadAll(conn)
	if err != nil {
		s.t.Fatalf("the connection is not closed: %v; so far: %s", err, body)
	}
	return string(body)
}

func TestARequestThatTricklesIsCut(t *testing.T) {
	s := serve(t, &broker{}, nil, func(c *api.Config) { c.ReadTimeout = 300 * time.Millisecond })
	const head = "POST /v1/events HTTP/1.1\r\nHost: h\r\nContent-Type: application/cloudevents+json\r\n"
	for name, request := range map[string]string{
		"headers":           "GET /hello HTTP/1.1\r\nHost: h\r\n",
		"a short body":      head + "Content-Length: 100\r\n\r\n{",
		"a long body":       head + "Content-Length: 100000\r\n\r\n" + strings.Repeat(" ", 9000),
		"a body in chunks":  head + "Transfer-Encoding: chunked\r\n\r\n3\r\n{  \r\n",
		"a size of a chunk": head + "Transfer-Encoding: chunked\r\n\r\n3",
	} {
		t.Run(name, func(t *testing.T) {
			one := *s
			one.t = t
			if got := one.raw(request, 5*time.Second); !strings.HasPrefix(got, "HTTP/1.1 408 ") ||
				!strings.Contains(got, "/docs/problems/request-timeout") || !strings.Contains(got, "Retry-After: 1") {
				t.Errorf("answered %q", got)
			}
		})
	}
	answered.Store("request-timeout", true)
}

func TestALaterRequestThatTricklesIsToldSo(t *testing.T) {
	s := serve(t, &broker{}, nil, func(c *api.Config) { c.ReadTimeout = 300 * time.Millisecond })
	conn := s.connect()
	answers := bufio.NewReader(conn)
	ask := func(request string, want int) {
		t.Helper()
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		answer, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatalf("no answer: %v", err)
		}
		defer answer.Body.Close()
		if _, err := io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode != want {
			t.Errorf("answered %d, %v; want %d", answer.StatusCode, err, want)
		}
	}
	ask("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n", 200)
	time.Sleep(400 * time.Millisecond) // the time for writing that answer is over
	ask("GET /hello HTTP/1.1\r\nHost: h\r\n", 408)
}

func TestBrokenFramingIsAProblemAndEndsTheConnection(t *testing.T) {
	s := serve(t, &broker{}, nil)
	const head = "POST /v1/events HTTP/1.1\r\nHost: h\r\nContent-Type: application/cloudevents+json\r\n"
	for name, request := range map[string]string{
		"a chunk that lies":      head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
		"no HTTP":                "hello\r\n\r\n",
		"a header without colon": "GET /hello HTTP/1.1\r\nHost: h\r\nbroken\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			one := *s
			one.t = t
			if got := one.raw(request, 5*time.Second); !strings.HasPrefix(got, "HTTP/1.1 400 ") ||
				!strings.Contains(got, "/docs/problems/malformed-request") {
				t.Errorf("answered %q", got)
			}
		})
	}
}

func TestWhatIsLeftOfABodyIsNotTakenForARequest(t *testing.T) {
	s := serve(t, &broker{}, nil)
	smuggled := "GET /v1/schemas HTTP/1.1\r\nHost: h\r\n\r\n"
	// The route does not read the body, and it is too long for the framework to have read it.
	request := fmt.Sprintf("GET /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s%s", 8<<10+len(smuggled),
		strings.Repeat("x", 8<<10), smuggled)
	if got := s.raw(request, 5*time.Second); strings.Count(got, "HTTP/1.1 ") != 1 ||
		!strings.HasPrefix(got, "HTTP/1.1 404 ") {
		t.Errorf("answered %q", got)
	}
	chunked := "GET /nowhere HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + smuggled
	if got := s.raw(chunked, 5*time.Second); strings.Count(got, "HTTP/1.1 ") != 1 {
		t.Errorf("answered %q", got)
	}
}

func TestABodyInChunksIsAnEventLikeAnyOther(t *testing.T) {
	s := serve(t, &broker{}, nil)
	for _, size := range []int{100, 40 << 10, 900 << 10} {
		body := strings.Replace(structured, `"as is"`, `"`+strings.Repeat("x", size)+`"`, 1)
		request := fmt.Sprintf("POST /v1/events HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: "+
			"application/cloudevents+json\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(body), body)
		if got := s.raw(request, 5*time.Second); !strings.HasPrefix(got, "HTTP/1.1 202 ") {
			t.Errorf("%d bytes are answered with %q", size, got)
		}
	}
}

func TestAnEventWhoseDataIsEncryptedForItsSubjectNeedsOne(t *testing.T) {
	b := &broker{}
	s := serve(t, b, nil, func(c *api.Config) {
		c.NeedsSubject = func(eventType string) bool { return eventType == "t" }
	})
	p := s.post("application/json", `{"type":"t"}`).problem(400)
	if len(p.Errors) != 1 || p.Errors[0].Pointer != "/subject" {
		t.Errorf("plain JSON: %+v", p.Errors)
	}
	p = s.post("text/plain", "x", "ce-id", "1", "ce-source", "/s", "ce-type", "t", "ce-specversion", "1.0").problem(400)
	if len(p.Errors) != 1 || p.Errors[0].Header != "ce-subject" {
		t.Errorf("binary mode: %+v", p.Errors)
	}
	s.post("application/json", `{"type":"t","subject":"ada"}`).want(202)
	s.post("application/json", `{"type":"other"}`).want(202)
}
