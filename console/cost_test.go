package console

import (
	"encoding/json"
	"fmt"
	"testing"

	"event-processing-service/internal/event"
)

// BenchmarkATickOfAPage is what one page costs the program five times a second at 5,000 events a second, each of which
// takes three steps: the copy of what is new, the sample, and its JSON.
func BenchmarkATickOfAPage(b *testing.B) {
	const perTick = 5000 / 5
	j := NewJournal()
	var s sampler
	seq := int64(0)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		b.StopTimer()
		for _, state := range []State{Accepted, Attempting, Processed} {
			for i := range perTick {
				id := fmt.Sprint(n, "-", i)
				j.Add(Step{
					State: state, Type: "order.created", ID: id, Source: "/shop", Key: id, Attempt: 1,
					Place: PlaceOf(event.Place{Topic: "events", Offset: int64(i)}),
				})
			}
		}
		b.StartTimer()
		steps, of, next := j.since(seq, maxLooked)
		seq = next
		text, err := json.Marshal(told{s.choose(steps), of})
		if err != nil || len(text) > 64<<10 || of != 3*perTick {
			b.Fatalf("a page is told %d bytes of %d steps, %v", len(text), of, err)
		}
	}
}
