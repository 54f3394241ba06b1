package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAQuantileIsOffByLessThanTwoPercent(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var h histogram
	var all []time.Duration
	for range 10_000 {
		d := time.Duration(random.ExpFloat64() * float64(3*time.Millisecond))
		h.add(d)
		all = append(all, d)
	}
	slices.Sort(all)
	for _, q := range []float64{0.001, 0.5, 0.9, 0.99, 0.999, 1} {
		want := all[max(0, int(q*10_000)-1)]
		got := h.quantile(q)
		if got < want || float64(got) > 1.02*float64(want)+1 {
			t.Errorf("quantile %g is %s, want %s and at most 2%% more", q, got, want)
		}
	}
}

func TestEachEventHasAnIDOfItsOwn(t *testing.T) {
	for name, r := range map[string]*request{"structured": structured(eventBytes), "binary": binary(eventBytes),
		"batch": batch(3)} {
		if len(r.ids) != r.events {
			t.Errorf("%s: %d ids for %d events", name, len(r.ids), r.events)
		}
		seen := map[string]bool{}
		for n := uint64(0); len(seen) < 10*r.events; {
			n = r.number(n)
			for _, at := range r.ids {
				id := string(r.bytes[at : at+idDigits])
				if seen[id] {
					t.Fatalf("%s: id %s comes twice", name, id)
				}
				seen[id] = true
			}
		}
	}
}

func TestEventsHaveTheSizeThatIsAskedFor(t *testing.T) {
	for _, size := range []int{eventBytes, 1 << 10, 64 << 10} {
		if e := structuredEvent(size); len(e) != size || !json.Valid([]byte(e)) {
			t.Errorf("asked for %d bytes, got %d: %.200s", size, len(e), e)
		}
	}
}

func TestARatioIsTheMedianOfTheRoundsRatios(t *testing.T) {
	r := &results{}
	// Both got half the speed in the second round.
	for i, speed := range []float64{1000, 500, 1000} {
		r.add(limit, 64, 0, sample{EventsPerSecond: speed})
		r.add("API", 64, 0, sample{EventsPerSecond: speed * []float64{0.8, 0.9, 0.7}[i]})
	}
	r.settle()
	if got := r.find("API", 64, 0); got.ThroughputRatio != 0.8 || got.EventsPerSecond != 700 {
		t.Errorf("got ratio %g and %g events/s, want 0.8 and 700", got.ThroughputRatio, got.EventsPerSecond)
	}
}

func TestThePlotAndTheTableShowEveryNumberOfConnections(t *testing.T) {
	r := &results{}
	for _, n := range []int{1, 16, 64} {
		r.add(limit, n, 0, sample{EventsPerSecond: float64(1000 * n), CPU: 20})
	}
	var table bytes.Buffer
	r.print(&table)
	if rows := strings.Count(table.String(), limit+" "); rows < 3 {
		t.Errorf("the table has %d rows of the limit, want 3:\n%s", rows, table.String())
	}
	plot := r.plot()
	for d := xml.NewDecoder(strings.NewReader(plot)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the plot is not XML: %v", err)
		}
	}
	if points := strings.Count(plot, "<circle"); points != 6 {
		t.Errorf("the plot has %d points, want 3 in each of its 2 charts", points)
	}
}

func TestEachClientsKeyFitsIntoTheRequest(t *testing.T) {
	for _, kind := range []string{"greedy", "modest"} {
		if k := keyOf(kind, greedyClients-1); len(k) != len(key) || k == keyOf(kind, 0) {
			t.Errorf("key %q", k)
		}
	}
}

func TestTheLoadTakesNoPortOfAServer(t *testing.T) {
	seen := map[int]bool{}
	for range 50 {
		port, err := freePort()
		if err != nil {
			t.Fatal(err)
		}
		if seen[port] || port >= 32_768 {
			t.Errorf("port %d: given before %v, or one that connections get", port, seen[port])
		}
		seen[port] = true
	}
}
