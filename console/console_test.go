package console

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"event-processing-service/internal/event"
)

const token = "the-token"

// topics holds records and letters in memory.
type topics struct {
	records  []event.Record
	letters  []Letter
	replayed []event.Record
	looks    chan struct{} // told of each look at the partitions
	firsts   int           // how often records were read by their offsets
}

func (f *topics) Partitions(context.Context, string) ([]Partition, error) {
	if f.looks != nil {
		f.looks <- struct{}{}
	}
	return []Partition{{End: int64(len(f.records))}}, nil
}

func (f *topics) Read(_ context.Context, _ string, _ int32, first, end int64) iter.Seq2[event.Record, error] {
	return func(yield func(event.Record, error) bool) {
		for _, r := range f.records {
			if r.Offset >= first && r.Offset < end && !yield(r, nil) {
				return
			}
		}
	}
}

func (f *topics) At(ctx context.Context, topic string, offsets map[int32]int64) iter.Seq2[event.Record, error] {
	if len(offsets) > 0 {
		f.firsts++
	}
	return f.Read(ctx, topic, 0, offsets[0], offsets[0]+1)
}

func (f *topics) Newest(_ context.Context, most int) (iter.Seq2[Letter, error], bool, error) {
	return func(yield func(Letter, error) bool) {
		for _, l := range f.letters[max(0, len(f.letters)-most):] {
			if !yield(l, nil) {
				return
			}
		}
	}, len(f.letters) > most, nil
}

func (f *topics) Replay(_ context.Context, letters []event.Record) []error {
	f.replayed = append(f.replayed, letters...)
	return make([]error, len(letters))
}

type outcomes map[event.Identity]event.Outcome

func (o outcomes) Outcome(_ context.Context, id event.Identity) (event.Outcome, bool, error) {
	found, ok := o[id]
	return found, ok, nil
}

// isReplayMark tells the header by which these tests mark a replay. The rule itself is the processor's.
func isReplayMark(h event.Header) bool { return h.Key == "replay" }

// page is a browser with our page open, and what the console wrote to its log.
type page struct {
	*testing.T
	url          string
	console      *Console
	log          *bytes.Buffer
	cookie, csrf string
}

func open(t *testing.T, f *topics, o outcomes) *page {
	t.Helper()
	p := &page{T: t, log: new(bytes.Buffer)}
	p.console = New(Config{Events: "events", DeadLetters: "events.dlq", Token: token}, Parts{
		Records: f, Letters: f, Outcomes: o, Decode: event.FromRecord,
		IsReplay: func(r *event.Record) bool { return slices.ContainsFunc(r.Headers, isReplayMark) },
		Send:     func(context.Context, string, []byte) (int, []byte, error) { return 202, []byte(`{}`), nil },
	}, slog.New(slog.NewTextHandler(p.log, nil)))
	server := httptest.NewServer(p.console.Handler())
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

// ask is a request as our page makes it; change makes another of it.
func (p *page) ask(method, path, body string, change ...func(*http.Request)) (status int, answer string) {
	p.Helper()
	r, err := http.NewRequestWithContext(p.Context(), method, p.url+path, strings.NewReader(body))
	if err != nil {
		p.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Origin", p.url)
		r.Header.Set("X-CSRF-Token", p.csrf)
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if p.cookie != "" {
		r.AddCookie(&http.Cookie{Name: cookieName, Value: p.cookie})
	}
	for _, c := range change {
		c(r)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		p.Fatal(err)
	}
	defer resp.Body.Close()
	for _, c := range resp.Cookies() {
		p.cookie = c.Value
	}
	read, err := io.ReadAll(resp.Body)
	if err != nil {
		p.Fatal(err)
	}
	return resp.StatusCode, string(read)
}

// unlock opens the page for changes.
func (p *page) unlock() {
	p.Helper()
	status, answer := p.ask(http.MethodPost, "/api/session", `{"token":"`+token+`"}`)
	var got struct{ CSRF string }
	if err := json.Unmarshal([]byte(answer), &got); err != nil || status != http.StatusOK {
		p.Fatalf("the right token is answered with %d %s", status, answer)
	}
	p.csrf = got.CSRF
}

var changes = map[string]string{"/api/send": `{"type":"a"}`, "/api/replay": `{}`, "/api/stop": `{}`}

func TestWithoutTheTokenThePageOnlyReads(t *testing.T) {
	p := open(t, &topics{letters: []Letter{letter(1, "boom")}}, nil)
	for path, body := range changes {
		if status, _ := p.ask(http.MethodPost, path, body); status != http.StatusForbidden {
			t.Errorf("%s is answered with %d", path, status)
		}
	}
	if status, _ := p.ask(http.MethodPost, "/api/session", `{"token":"wrong"}`); status != http.StatusForbidden {
		t.Errorf("a wrong token is answered with %d", status)
	}
	if status, _ := p.ask(http.MethodGet, "/api/letters", ""); status != http.StatusOK {
		t.Errorf("reading is answered with %d", status)
	}
	if status, answer := p.ask(http.MethodPost, "/api/rehearse", `{}`); status != http.StatusOK ||
		!strings.Contains(answer, `"would_replay":1`) {
		t.Errorf("a dry run, which changes nothing, is answered with %d %s", status, answer)
	}
}

func TestAConsoleWithoutATokenLetsNobodyWrite(t *testing.T) {
	if _, _, ok := newSessions("").begin(""); ok {
		t.Error("an empty token opens it")
	}
}

func TestAPageStaysOpenOverARestartWithTheSameTokenAlone(t *testing.T) {
	before := open(t, &topics{}, nil)
	before.unlock()
	after := open(t, &topics{}, nil)
	after.cookie, after.csrf = before.cookie, before.csrf
	if status, answer := after.ask(http.MethodPost, "/api/send", `{"type":"a"}`); status != http.StatusOK {
		t.Errorf("with the same token the page is answered with %d %s", status, answer)
	}
	for name, s := range map[string]*sessions{"another token": newSessions("another"), "no token": newSessions("")} {
		after.console.sessions = s
		if status, _ := after.ask(http.MethodPost, "/api/send", `{"type":"a"}`); status != http.StatusForbidden {
			t.Errorf("with %s it is answered with %d", name, status)
		}
	}
	forged := before.cookie[:len(before.cookie)-4] + "AAAA"
	after.console.sessions, after.cookie = newSessions(token), forged
	if status, _ := after.ask(http.MethodPost, "/api/send", `{"type":"a"}`); status != http.StatusForbidden {
		t.Errorf("a forged session is answered with %d", status)
	}
}

func TestNoOtherPageCanMakeItWriteOrRead(t *testing.T) {
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for name, change := range map[string]func(*http.Request){
		"a page of another origin":       set("Origin", "http://evil.example"),
		"a sandboxed page":               set("Origin", "null"),
		"another port of this host":      set("Origin", "http://127.0.0.1:1"),
		"no origin":                      func(r *http.Request) { r.Header.Del("Origin") },
		"no token of the page":           func(r *http.Request) { r.Header.Del("X-CSRF-Token") },
		"another's token":                set("X-CSRF-Token", NewToken()),
		"no session":                     func(r *http.Request) { r.Header.Del("Cookie") },
		"a form, which needs no consent": set("Content-Type", "text/plain"),
		"a cross-site request":           set("Sec-Fetch-Site", "cross-site"),
		"a name that was made to point here": func(r *http.Request) {
			r.Host = "evil.example:8080"
			r.Header.Set("Origin", "http://evil.example:8080")
		},
	} {
		p := open(t, &topics{}, nil)
		p.unlock()
		if status, answer := p.ask(http.MethodPost, "/api/send", `{"type":"a"}`); status != http.StatusOK {
			t.Fatalf("our own page is answered with %d %s", status, answer)
		}
		if status, _ := p.ask(http.MethodPost, "/api/send", `{"type":"a"}`, change); status < 400 || status >= 500 {
			t.Errorf("%s is answered with %d", name, status)
		}
	}
	p := open(t, &topics{}, nil)
	for name, change := range map[string]func(*http.Request){
		"a rebound name":       func(r *http.Request) { r.Host = "evil.example" },
		"a cross-site request": set("Sec-Fetch-Site", "cross-site"),
	} {
		if status, _ := p.ask(http.MethodGet, "/api/about", "", change); status < 400 {
			t.Errorf("%s reads: %d", name, status)
		}
	}
}

func TestWhatIsChangedByHandIsOneLineInTheLogThatNamesWhoAndWhat(t *testing.T) {
	p := open(t, &topics{letters: []Letter{letter(1, "boom")}}, nil)
	p.unlock()
	p.log.Reset()
	p.ask(http.MethodPost, "/api/replay", `{"error":"boom","rate":50}`)
	line := p.log.String()
	for _, part := range []string{"changed by hand", "what=replay", "who=\"" + who(p.cookie), "from=127.0.0.1",
		"letters=1", "rate=50", "boom"} {
		if !strings.Contains(line, part) {
			t.Errorf("the line does not have %s: %s", part, line)
		}
	}
	if strings.Count(line, "\n") != 1 || strings.Contains(line, p.cookie) || strings.Contains(line, token) {
		t.Errorf("the line is %s", line)
	}
}

func TestEveryAnswerForbidsScriptsThatAreNotThePagesOwn(t *testing.T) {
	p := open(t, &topics{}, nil)
	for _, path := range []string{"/", "/app.js", "/style.css", "/api/about", "/none"} {
		resp, err := http.Get(p.url + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		policy := resp.Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe-") ||
			strings.Contains(policy, "*") {
			t.Errorf("%s has the policy %q", path, policy)
		}
		if resp.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s may be sniffed", path)
		}
	}
}

func TestThePageMakesNoMarkupOfTexts(t *testing.T) {
	names, err := files.ReadDir("page")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		source, err := files.ReadFile("page/" + name.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, way := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser", "eval(",
			"new Function",
			"createContextualFragment", "srcdoc", "javascript:", " style=", "onclick=\"", "<script>"} {
			if strings.Contains(string(source), way) {
				t.Errorf("%s has %s", name.Name(), way)
			}
		}
	}
}

func letter(offset int64, err string) Letter {
	place := event.Place{Topic: "events.dlq", Offset: offset}
	id := event.Identity{Source: "/s", ID: string(rune('a' + offset))}
	return Letter{
		Record:   event.Record{Place: place, Key: []byte("k")},
		Event:    event.Event{Type: "order.created", ID: id.ID, Source: id.Source},
		Identity: id, Error: err, Attempts: 5, Hops: 1, FailedAt: time.Unix(offset, 0),
		Origin: event.Place{Topic: "events", Offset: offset},
	}
}
