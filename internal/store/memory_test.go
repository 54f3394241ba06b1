package store

import (
	"fmt"
	"testing"
	"time"

	"event-processing-service/internal/event"
)

func TestMemory(t *testing.T) {
	testStore(t, func(_ *testing.T, retention time.Duration) anyStore { return NewMemory(retention) })
}

func TestMemoryForgetsTheOldestBeyondItsLimit(t *testing.T) {
	m := NewMemory(time.Hour)
	m.limit = 10
	for i := range 100 {
		if _, err := m.Finish(t.Context(), event.Claim{Identity: event.Identity{ID: fmt.Sprint(i)}}, processed); err != nil {
			t.Fatal(err)
		}
		if len(m.entries) > 10 || len(m.order) > 2*10+1 {
			t.Fatalf("after %d events it holds %d, and %d places in their order", i+1, len(m.entries), len(m.order))
		}
	}
	for i := range 100 {
		_, known, _ := m.Outcome(t.Context(), event.Identity{ID: fmt.Sprint(i)})
		if want := i >= 90; known != want {
			t.Errorf("event %d is known: %t, want %t", i, known, want)
		}
	}
}
