package api

import (
	"encoding/json"
	"net/url"
	"testing"

	"event-processing-service/internal/event"
)

var awkward = []string{"order-1", "01890a5d-ac96-774b-bcce-b302099a8057", "a b", "ä/ö", `"\`, "<&>", "a%2Fb", "\u2028",
	"?x=1#y", "+~", "é"}

func TestTheAnswerWrittenByHandIsWhatReflectionWouldHaveWritten(t *testing.T) {
	for _, text := range awkward {
		one := acceptedEvent{ID: text, Source: "/" + text, Topic: "events", Partition: 2, Offset: 1 << 40}
		got, err := one.appendJSON(nil)
		if err != nil {
			t.Fatalf("encode %q: %v", text, err)
		}
		sameJSON(t, got, one)
		many := batchAnswer{Accepted: 1, Rejected: 1, Results: []batchResult{
			{Index: 0, ID: text, Status: 202},
			{Index: 1, Status: 400,
				Problem: &eventProblem{Type: "about:blank", Title: text, Status: 400,
					Errors: []fieldError{{Pointer: "/1/id", Detail: text}}}},
		}}
		got, err = many.appendJSON(nil)
		if err != nil {
			t.Fatalf("encode %q: %v", text, err)
		}
		sameJSON(t, got, many)
	}
}

func sameJSON(t *testing.T, got []byte, value any) {
	t.Helper()
	want, err := json.Marshal(value)
	if err != nil {
		t.Fatalf("encode with reflection: %v", err)
	}
	var a, b any
	if err := json.Unmarshal(got, &a); err != nil {
		t.Fatalf("%s is not JSON: %v", got, err)
	}
	if err := json.Unmarshal(want, &b); err != nil {
		t.Fatalf("%s is not JSON: %v", want, err)
	}
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	if string(x) != string(y) {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestTheLocationOfAnOutcomeNamesIDAndSource(t *testing.T) {
	for _, id := range awkward {
		for _, source := range awkward {
			path := string(appendOutcomePath(nil, event.Identity{ID: id, Source: source}, DefaultSource))
			u, err := url.Parse(path)
			if err != nil {
				t.Fatalf("parse %q: %v", path, err)
			}
			if u.Path != "/v1/events/"+id || u.Query().Get("source") != source || u.Fragment != "" {
				t.Errorf("%q names id %q and source %q, want %q and %q", path, u.Path, u.Query().Get("source"), id, source)
			}
		}
	}
	if got := string(appendOutcomePath(nil, event.Identity{ID: "x", Source: DefaultSource}, DefaultSource)); got !=
		"/v1/events/x" {
		t.Errorf("the default source is in %q", got)
	}
}
