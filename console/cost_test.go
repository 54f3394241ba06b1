package console

import (
	"encoding/json"
	"fmt"
	"log/slog"
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

// BenchmarkAStepOfAnEvent is what each step costs the program that tells it, whether anybody looks or not.
func BenchmarkAStepOfAnEvent(b *testing.B) {
	log := slog.New(NewJournal().Handler(slog.DiscardHandler))
	ids := make([]string, 100_000)
	for i := range ids {
		ids[i] = fmt.Sprint("01a217d2-3aae-7add-b1c5-", i)
	}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		log.LogAttrs(b.Context(), slog.LevelInfo, "event processed", slog.String("event_type", "order.created"),
			slog.String("event_id", ids[n%len(ids)]), slog.String("event_source", "/shop"), slog.String("topic", "events"),
			slog.Int64("partition", 1), slog.Int64("offset", int64(n)), slog.Int("attempts", 1))
	}
}
