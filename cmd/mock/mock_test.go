package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"event-processing-service/api"
	"event-processing-service/api/apitest"
)

var document = sync.OnceValues(func() (*apitest.Document, error) { return apitest.Load(api.Document("")) })

// client asks a mock, and holds each answer against the document, as the API's own tests do.
type client struct {
	t    *testing.T
	url  string
	mock *mock
}

func start(t *testing.T) client {
	t.Helper()
	m, err := newMock(api.Document(""), 0)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(m)
	t.Cleanup(server.Close)
	return client{t, server.URL, m}
}

type said struct {
	status int
	header http.Header
	body   string
}

func (c client) do(method, path, contentType, body string, headers ...string) said {
	c.t.Helper()
	req, err := http.NewRequest(method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	read, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	d, err := document()
	if err != nil {
		c.t.Fatal(err)
	}
	d.Hold(c.t, req, resp, read)
	return said{resp.StatusCode, resp.Header, string(read)}
}

// problem is the last part of the type of a problem document.
func (s said) problem() string {
	var p struct{ Type string }
	_ = json.Unmarshal([]byte(s.body), &p)
	return p.Type[strings.LastIndexByte(p.Type, '/')+1:]
}

func TestEachRequestOfTheDocumentsExamplesIsAnsweredAsTheAPIDoes(t *testing.T) {
	c := start(t)
	d, err := document()
	if err != nil {
		t.Fatal(err)
	}
	requests := d.Requests(t)
	for _, r := range requests {
		if got := c.do(r.Method, r.Path, r.ContentType, r.Body, r.Headers...); got.status != r.Status {
			t.Errorf("%s %s %s %s: %d, want %d: %s", r.Method, r.Path, r.ContentType, r.Body, got.status, r.Status, got.body)
		}
	}
	if len(requests) < 25 {
		t.Errorf("only %d examples were tried", len(requests))
	}
}

func TestEachAnswerOfTheDocumentCanBeAskedFor(t *testing.T) {
	c := start(t)
	asked := 0
	for path, operations := range c.mock.spec.Paths {
		for method, op := range operations {
			path := strings.NewReplacer("{", "", "}", "").Replace(path)
			for _, status := range op.statuses() {
				code := strconv.Itoa(status)
				got := c.do(strings.ToUpper(method), path, "", "", "Prefer", "code="+code)
				if got.status != status || got.header.Get("Preference-Applied") != "code="+code {
					t.Errorf("%s %s, Prefer: code=%s: %d, applied %q", method, path, code, got.status,
						got.header.Get("Preference-Applied"))
				}
				_, content, _ := preferredContent(op.Responses[code].Content)
				for name := range content.Examples {
					if got := c.do(strings.ToUpper(method), path, "", "", "Prefer", "example="+name); got.status/100 == 2 &&
						status/100 != 2 || got.body == "" {
						t.Errorf("%s %s, Prefer: example=%s: %d %s", method, path, name, got.status, got.body)
					}
				}
				asked++
			}
		}
	}
	if asked < 100 {
		t.Errorf("only %d answers were asked for", asked)
	}
}

func TestWhatTheDocumentRefusesIsRefused(t *testing.T) {
	const event = `{"specversion":"1.0","id":"1","source":"/s","type":"t"}`
	for _, tc := range []struct {
		name, method, path, media, body string
		headers                         []string
		status                          int
		problem                         string
	}{
		{"no such path", "GET", "/v2/hello", "", "", nil, 404, "not-found"},
		{"no such method", "DELETE", "/v1/events", "", "", nil, 405, "method-not-allowed"},
		{"half a body", "POST", "/v1/events", mediaEvent, `{"id":`, nil, 400, "malformed-request"},
		{"no type", "POST", "/v1/events", mediaEvent, `{"specversion":"1.0","id":"1","source":"/s"}`, nil, 400,
			"invalid-event"},
		{"an id of a number", "POST", "/v1/events", mediaEvent, `{"specversion":"1.0","id":1,"source":"/s","type":"t"}`, nil,
			400, "invalid-event"},
		{"no media type", "POST", "/v1/events", "text/plain", "hello", nil, 415, "unsupported-media-type"},
		{"binary without an id", "POST", "/v1/events", "text/plain", "x", []string{"ce-specversion", "1.0", "ce-source", "/s",
			"ce-type", "t"}, 400, "invalid-event"},
		{"a name too long", "GET", "/current_time?name=" + strings.Repeat("x", 257), "", "", nil, 400, "invalid-parameter"},
		{"a batch of which nothing is good", "POST", "/v1/events", mediaBatch, `[{"id":"1"}]`, nil, 400, "batch-refused"},
		{"a batch that is an object", "POST", "/v1/events", mediaBatch, `{}`, nil, 400, "invalid-event"},
		{"another language", "GET", "/v1/hello", "", "", []string{"Accept", "text/plain"}, 406, "not-acceptable"},
		{"an answer that there is not", "GET", "/hello", "", "", []string{"Prefer", "code=418"}, 400, "invalid-parameter"},
		{"a delay that is none", "GET", "/hello", "", "", []string{"Prefer", "delay=long"}, 400, "invalid-parameter"},
		{"a delay of hours", "GET", "/hello", "", "", []string{"Prefer", "delay=2h"}, 400, "invalid-parameter"},
		{"a body too large", "POST", "/v1/events", mediaEvent, strings.Repeat(" ", mostBytes) + event, nil, 413,
			"body-too-large"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := start(t).do(tc.method, tc.path, tc.media, tc.body, tc.headers...)
			if got.status != tc.status || got.problem() != tc.problem {
				t.Errorf("%d %s, want %d %s: %s", got.status, got.problem(), tc.status, tc.problem, got.body)
			}
		})
	}
}

func TestAnAnswerIsAboutTheEventThatWasPosted(t *testing.T) {
	c := start(t)
	got := c.do("POST", "/v1/events", mediaEvent, `{"specversion":"1.0","id":"a/b","source":"/s","type":"t"}`)
	if !strings.Contains(got.body, `"id":"a/b"`) || got.header.Get("Location") != "/v1/events/a%2Fb?source=%2Fs" {
		t.Errorf("%s, Location %s", got.body, got.header.Get("Location"))
	}
	got = c.do("POST", "/v1/events", mediaBatch,
		`[{"specversion":"1.0","id":"1","source":"/s","type":"t"},{"id":"2"},{"specversion":"1.0","id":"3","source":"/s",
		"type":"t"}]`)
	var batch batchAnswer
	if err := json.Unmarshal([]byte(got.body), &batch); err != nil || got.status != 207 || batch.Accepted != 2 ||
		batch.Rejected != 1 || batch.Results[1].Status != 400 || batch.Results[2].ID != "3" {
		t.Errorf("%d %s (%v)", got.status, got.body, err)
	}
}

func TestRequestsAreRecordedAndForgotten(t *testing.T) {
	c := start(t)
	c.do("POST", "/v1/events?x=1", "text/plain", "\xff\x00", "ce-specversion", "1.0", "ce-id", "1", "ce-source", "/s",
		"ce-type", "t")
	c.do("GET", "/hello", "", "", "Prefer", "code=503")
	var all []recordedRequest
	if err := json.Unmarshal([]byte(c.do("GET", "/_mock/requests", "", "").body), &all); err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || all[0].Method != http.MethodPost || string(all[0].BodyBase64) != "\xff\x00" ||
		all[0].Status != 202 || all[0].Headers["Ce-Id"][0] != "1" || all[0].Query["x"][0] != "1" ||
		all[1].Path != "/hello" || all[1].Status != 503 {
		t.Errorf("recorded are %+v", all)
	}
	if got := c.do("DELETE", "/_mock/requests", "", ""); got.status != 204 {
		t.Errorf("they are forgotten with %d", got.status)
	}
	if got := c.do("GET", "/_mock/requests", "", ""); got.body != "[]\n" {
		t.Errorf("still recorded is %s", got.body)
	}
	for range mostRecorded + 5 {
		c.mock.recording.add(httptest.NewRequest(http.MethodGet, "/hello", nil), nil, 200)
	}
	if n := len(c.mock.recording.list); n != mostRecorded {
		t.Errorf("%d are kept", n)
	}
}

func TestAnAnswerIsDelayedAsPreferred(t *testing.T) {
	c := start(t)
	began := time.Now()
	got := c.do("GET", "/hello", "", "", "Prefer", "respond-async, delay=200ms")
	if took := time.Since(began); took < 200*time.Millisecond || got.status != 200 {
		t.Errorf("%d after %s", got.status, took)
	}
	slow, err := newMock(api.Document(""), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // the client is gone: nobody waits for it
	slow.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/hello", nil).WithContext(ctx))
}

func TestMethodsOfAPathAreToldAndHEADHasNoBody(t *testing.T) {
	c := start(t)
	if got := c.do("OPTIONS", "/v1/events", "", ""); got.status != 204 || got.header.Get("Allow") != "OPTIONS, POST" {
		t.Errorf("%d, Allow %q", got.status, got.header.Get("Allow"))
	}
	if got := c.do("HEAD", "/v1/hello", "", ""); got.status != 200 || got.body != "" ||
		got.header.Get("Content-Type") != "application/json" {
		t.Errorf("%d %v %q", got.status, got.header, got.body)
	}
	if got := c.do("GET", "/openapi.json", "", ""); got.body != string(api.Document("")) {
		t.Error("the mock's document is another")
	}
}

func TestTheProgramSaysWhereItListensAndEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, []string{"-listen", "127.0.0.1:0"}, writer, io.Discard) }()
	line := make([]byte, 200)
	n, err := reader.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	url, _, _ := strings.Cut(string(line[:n]), " ")
	resp, err := http.Get(url + "/hello")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	cancel()
	if err := <-ended; err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("%d, then %v", resp.StatusCode, err)
	}
	for _, args := range [][]string{{"more"}, {"-delay", "-1s"}, {"-delay", "2m"}, {"-listen", "nowhere"}} {
		if err := run(context.Background(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
}
