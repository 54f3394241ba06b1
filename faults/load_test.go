//go:build faults

package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// load is clients that post events, one by one and in batches. They usually send events of unknown fate again.
type load struct {
	run     string // first part of each id
	source  string
	targets []string
	workers int
	rate    int // requests per second of all clients
	retries int // further tries of an event of unknown fate, or that was never sent
	batches bool
	types   func(*rand.Rand) string // nil: always load.test
	ledger  *ledger

	mu       sync.Mutex
	statuses map[int]int // answers by status; 0: no answer
}

func loadRate(t *testing.T) int {
	t.Helper()
	v := os.Getenv("FAULT_RATE")
	if v == "" {
		return 150
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > 10_000 {
		t.Fatalf("FAULT_RATE=%q: must be 1 to 10000", v)
	}
	return n
}

// drive posts until ctx ends, and then finishes the running requests.
func (l *load) drive(ctx context.Context, r *rand.Rand) {
	l.statuses = map[int]int{}
	var workers sync.WaitGroup
	for w := range l.workers {
		seed := rand.New(rand.NewPCG(r.Uint64(), uint64(w)))
		workers.Go(func() { l.work(ctx, seed, w) })
	}
	workers.Wait()
}

// work is one client. It has keys of its own, so that the order of its posts is the order of each key's events.
func (l *load) work(ctx context.Context, r *rand.Rand, worker int) {
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 2}}
	defer client.CloseIdleConnections()
	pauseFor := time.Second * time.Duration(l.workers) / time.Duration(l.rate)
	seqs := map[string]int{}
	next := time.Now().Add(time.Duration(r.Int64N(int64(pauseFor) + 1)))
	for n := 0; pause(ctx, time.Until(next)); {
		next = next.Add(pauseFor)
		if late := time.Since(next); late > time.Second {
			next = time.Now() // it is late; don't catch up in a burst
		}
		size := 1
		if l.batches && r.IntN(4) == 0 {
			size = 2 + r.IntN(19)
		}
		entries := make([]*entry, size)
		for i := range entries {
			key := fmt.Sprintf("%s-%d-%d", l.run, worker, r.IntN(4))
			entries[i] = &entry{id: fmt.Sprintf("%s-%d-%d", l.run, worker, n), key: key, seq: seqs[key], eventType: "load.test"}
			if l.types != nil {
				entries[i].eventType = l.types(r)
			}
			seqs[key]++
			n++
		}
		l.ledger.add(entries...)
		l.post(client, r, entries)
	}
}

// post sends the events, and sends those again for which the problem document allows it. Some clients give up, so that
// some fates stay unknown.
func (l *load) post(client *http.Client, r *rand.Rand, entries []*entry) {
	for try := 0; len(entries) > 0 && try <= l.retries; try++ {
		if try > 0 {
			if r.IntN(3) == 0 {
				return
			}
			time.Sleep(between(r, 100*time.Millisecond, time.Second))
		}
		target := l.targets[r.IntN(len(l.targets))]
		again := entries[:0:0]
		for i, f := range l.try(client, target, entries) {
			entries[i].learn(f)
			if f == fateUnknown || f == fateNeverSent {
				again = append(again, entries[i])
			}
		}
		entries = again
	}
}

// cloudEvent is an event in the JSON format. The data is not re-encoded.
func (l *load) cloudEvent(e *entry) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":%q,"type":%q,"subject":%q,`+
		`"datacontenttype":"application/json","data":%s}`,
		e.id, l.source, e.eventType, e.key, e.data())
}

// try posts once and returns the fate of each event in it.
func (l *load) try(client *http.Client, target string, entries []*entry) []fate {
	contentType, body := "application/cloudevents+json", l.cloudEvent(entries[0])
	if len(entries) > 1 {
		all := make([]string, len(entries))
		for i, e := range entries {
			all[i] = l.cloudEvent(e)
		}
		contentType, body = "application/cloudevents-batch+json", "["+strings.Join(all, ",")+"]"
	}
	fates := make([]fate, len(entries))
	all := func(f fate) []fate {
		for i := range fates {
			fates[i] = f
		}
		return fates
	}
	resp, err := client.Post(target+"/v1/events", contentType, bytes.NewReader([]byte(body)))
	if err != nil {
		l.status(0)
		var dial *net.OpError
		if errors.As(err, &dial) && dial.Op == "dial" {
			return all(fateNeverSent)
		}
		return all(fateUnknown) // the connection broke
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		l.status(0)
		return all(fateUnknown)
	}
	l.status(resp.StatusCode)
	if len(entries) == 1 {
		return []fate{l.fateOfOne(resp.StatusCode, answer, entries[0])}
	}
	var batch struct {
		Results []struct {
			Index, Status int
			ID            string
			Problem       json.RawMessage
		}
	}
	if err := json.Unmarshal(answer, &batch); err != nil || len(batch.Results) == 0 {
		return all(l.fateOfProblem(resp.StatusCode, answer)) // the problem is the whole request's
	}
	if len(batch.Results) != len(entries) {
		l.ledger.complain("%d results for %d events: %s", len(batch.Results), len(entries), answer)
		return all(fateUnknown)
	}
	for i, result := range batch.Results {
		switch {
		case result.Index != i || result.ID != entries[i].id:
			l.ledger.complain("result %d is of %s, not of %s", result.Index, result.ID, entries[i].id)
			fates[i] = fateUnknown
		case result.Status == http.StatusAccepted && resp.StatusCode/100 == 2:
			fates[i] = fateAccepted
		default:
			fates[i] = l.fateOfProblem(result.Status, result.Problem)
		}
	}
	return fates
}

func (l *load) fateOfOne(status int, answer []byte, e *entry) fate {
	if status != http.StatusAccepted {
		return l.fateOfProblem(status, answer)
	}
	var a struct {
		ID        string
		Partition int32
		Offset    int64
	}
	if err := json.Unmarshal(answer, &a); err != nil || a.ID != e.id {
		l.ledger.complain("the 202 for %s is %s", e.id, answer)
		return fateAccepted
	}
	e.partition, e.offset, e.told = a.Partition, a.Offset, true
	return fateAccepted
}

// fateOfProblem reads a problem document as a client does: by its type. All types but the known ones leave the fate
// unknown.
func (l *load) fateOfProblem(status int, answer []byte) fate {
	var p struct {
		Type      string
		Retryable *bool
	}
	if err := json.Unmarshal(answer, &p); err != nil || p.Retryable == nil {
		l.ledger.complain("status %d with %.200q is not a problem document", status, answer)
		return fateUnknown
	}
	kind := p.Type[strings.LastIndex(p.Type, "/")+1:]
	switch {
	case kind == "not-sent", kind == "overloaded":
		return fateNeverSent
	case kind == "outcome-unknown":
		return fateUnknown
	case kind == "internal-error", kind == "event-not-known":
		l.ledger.complain("status %d: %s", status, answer)
		return fateUnknown
	case *p.Retryable:
		l.ledger.complain("status %d, retryable, of an unforeseen kind: %s", status, answer)
		return fateUnknown
	}
	return fateRefused
}

func (l *load) status(code int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.statuses[code]++
}
