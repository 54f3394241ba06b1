package processor

import (
	"context"
	"testing"

	"event-processing-service/internal/event"
	"event-processing-service/internal/payload"
)

// Measures all that happens between the payload and the handler's call, and between its return and the answer; the
// store costs nothing. A record has seven headers and no key. With the events package of aws-lambda-go it took 105
// allocations and 10 times the payload's size.
func TestAnInvocationAllocatesLittle(t *testing.T) {
	newFunction := func(handled bool) payload.Function {
		r := newRig()
		r.store = freeStore{}
		r.cfg.Concurrency = 1 // the number of workers depends on scheduling
		if handled {
			r.mux.HandleFunc("order.created", func(context.Context, event.Event) error { return nil })
		}
		return r.build(t).Handle
	}
	invoke := func(f payload.Function, text []byte) {
		if _, err := f.Invoke(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	for name, most := range map[string]float64{"recorded": 10.5, "handled": 11.5} { // one is the context
		const count = 1000
		f, text := newFunction(name == "handled"), apiPayload(t, count)
		if perEvent := testing.AllocsPerRun(5, func() { invoke(f, text) }) / count; perEvent > most {
			t.Errorf("an event that is %s takes %.1f allocations, want at most %.1f", name, perEvent, most)
		}
	}

	f, text := newFunction(true), apiPayload(t, 10_000)
	result := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			invoke(f, text)
		}
	})
	if times := float64(result.AllocedBytesPerOp()) / float64(len(text)); times > 3 {
		t.Errorf("10,000 records allocate %.1f times the %d bytes of their payload in all, want at most 3", times, len(text))
	}
}
