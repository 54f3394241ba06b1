package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"event-processing-service/api"
	"event-processing-service/internal/event"
	"event-processing-service/schemas"
)

// kept is a publisher that keeps what it is given.
type kept struct {
	mu     sync.Mutex
	events []event.Event
}

func (k *kept) Publish(_ context.Context, events []event.Event, _ ...event.Header) []event.Receipt {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.events = append(k.events, events...)
	return make([]event.Receipt, len(events))
}

func (*kept) Check(context.Context) error { return nil }

// serveAPI serves the API itself, with the schemas of this repository, or without.
func serveAPI(t *testing.T, set *schemas.Set) (url string, k *kept) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k = &kept{}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	server := api.New(api.Config{Schemas: set}, k, nil, slog.New(slog.DiscardHandler))
	go func() { served <- server.Serve(ctx, ln, time.Second) }()
	t.Cleanup(func() {
		cancel()
		<-served
	})
	return "http://" + ln.Addr().String(), k
}

func TestASeedIsAThousandEventsOfWhichTwentyAreRefused(t *testing.T) {
	set, err := schemas.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	url, k := serveAPI(t, set)
	out, said, err := runAndListen(t, "", "seed", "--url", url)
	if err != nil || !strings.HasPrefix(out, "980 accepted, 20 refused") {
		t.Fatalf("%v: %s%s", err, out, said)
	}
	types := map[string]int{}
	for _, e := range k.events {
		types[e.Type]++
	}
	for _, name := range append(set.Types(), seedPlain) {
		if types[name] < 980/len(types)-20 {
			t.Errorf("of %s there are %d", name, types[name])
		}
	}
	if n := strings.Count(said, ": 400 "); n != 15 || strings.Count(said, ": 422 ") != 5 {
		t.Errorf("%d are no CloudEvents, %d break their schema:\n%s", n, strings.Count(said, ": 422 "), said)
	}
	if n := strings.Count(said, "refused: event"); n != 20 {
		t.Errorf("%d refusals are told", n)
	}

	first := len(k.events)
	if _, err := run(t, "", "seed", "--url", url); err != nil {
		t.Fatal(err)
	}
	for i, e := range k.events[first:] {
		if was := k.events[i]; e.ID != was.ID || string(e.Data) != string(was.Data) || e.Subject != was.Subject {
			t.Fatalf("event %d is another the second time: %+v, was %+v", i, e, was)
		}
	}
}

func TestASeedThatIsRefusedOtherwiseFails(t *testing.T) {
	url, _ := serveAPI(t, nil) // it knows no schema, and takes what breaks one
	if out, err := run(t, "", "seed", "--url", url); err == nil || !strings.Contains(out, "985 accepted, 15 refused") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestASeedIsPrintedAndNotPosted(t *testing.T) {
	out, err := run(t, "", "seed", "--count", "100", "--print", "--url", "http://127.0.0.1:1")
	if err != nil || strings.Count(out, "\n") != 100 {
		t.Fatalf("%v: %d lines", err, strings.Count(out, "\n"))
	}
	for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
		if !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %s", line)
		}
	}
	if _, err := run(t, "", "seed", "--count", "0"); err == nil {
		t.Error("a seed of nothing is taken")
	}
}

func TestDataIsMadeUpToFitItsSchema(t *testing.T) {
	fits := map[string]string{
		"a.text": `{"type":"string","minLength":12,"maxLength":12}`, "a.short": `{"type":"string","maxLength":3}`,
		"a.code":   `{"type":"string","pattern":"^(A|B)[0-9]{3}-[a-z]+x?\\d$"}`,
		"a.number": `{"type":"number","exclusiveMinimum":0,"maximum":2.5}`,
		"a.step":   `{"type":"integer","minimum":7,"multipleOf":5,"maximum":30}`,
		"a.below":  `{"type":"integer","exclusiveMaximum":-10}`,
		"a.choice": `{"enum":["x","y"]}`, "a.const": `{"const":{"a":1}}`,
		"a.one":  `{"oneOf":[{"type":"string"},{"type":"integer"}]}`,
		"a.list": `{"type":"array","minItems":2,"items":{"type":["null","boolean"]}}`,
		"a.deep": `{"$defs":{"money":{"type":"object","required":["n"],"properties":{"n":{"type":"integer"}}}},
			"type":"object","required":["price"],"additionalProperties":false,"properties":{"price":{"$ref":"#/$defs/money"}}}`,
		"a.times": `{"type":"object","properties":{"a":{"type":"string","format":"date-time"},
			"b":{"type":"string","format":"date"},"c":{"type":"string","format":"uuid"},
			"d":{"type":"string","format":"email"},"e":{"type":"string","format":"uri"},
			"f":{"type":"string","format":"ipv4"},"g":{"type":"string","format":"time"},
			"h":{"type":"string","format":"duration"},"i":{"type":"string","format":"hostname"}}}`,
		"a.riddle": `{"not":{}}`,
	}
	dir := fstest.MapFS{}
	for name, schema := range fits {
		dir[name+".json"] = &fstest.MapFile{Data: []byte(schema)}
	}
	set, err := schemas.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	types, leftOut := seedTypes(set)
	if len(leftOut) != 1 || !strings.HasPrefix(leftOut[0].Error(), "a.riddle: ") || len(types) != len(fits) {
		t.Errorf("left out are %v", leftOut)
	}
	for _, made := range types {
		for n := range 300 {
			text, err := json.Marshal(made.data(n))
			if wrong := set.Validate(made.name, text); err != nil || len(wrong) > 0 {
				t.Fatalf("%s %d: %s: %v", made.name, n, text, wrong)
			}
		}
	}
}
