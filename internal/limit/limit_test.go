package limit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestABurstUpToTheLimitIsAllowedAndComesBackEvenly(t *testing.T) {
	rate, m := Rate{Units: 10, Per: time.Second}, NewMemory()
	for i := range 10 {
		if d := m.take("a", rate, 1, 0); !d.Allowed || d.Remaining != 9-i {
			t.Fatalf("take %d: %+v", i, d)
		}
	}
	if d := m.take("a", rate, 1, 0); d.Allowed || d.Wait != 100*time.Millisecond || d.Reset != time.Second {
		t.Errorf("the eleventh: %+v", d)
	}
	if d := m.take("b", rate, 1, 0); !d.Allowed {
		t.Errorf("another client: %+v", d)
	}
	if d := m.take("a", rate, 1, 100*time.Millisecond); !d.Allowed || d.Remaining != 0 {
		t.Errorf("after the wait that was told: %+v", d)
	}
	if d := m.take("a", rate, 3, 300*time.Millisecond); d.Allowed || d.Remaining != 2 || d.Wait != 100*time.Millisecond {
		t.Errorf("three of two: %+v", d)
	}
	if d := m.take("a", rate, 2, 300*time.Millisecond); !d.Allowed {
		t.Errorf("a refusal must take nothing: %+v", d)
	}
	if d := m.take("a", rate, 10, time.Minute); !d.Allowed {
		t.Errorf("all of it after a pause: %+v", d)
	}
}

func TestStrangersCannotFillTheMemory(t *testing.T) {
	rate, m := Rate{Units: 1, Per: time.Hour}, NewMemory()
	for i := range 3 * maxClients {
		m.take(fmt.Sprint("client ", i), rate, 1, time.Duration(i))
	}
	n := 0
	for i := range m.shards {
		n += len(m.shards[i].due)
	}
	if n > maxClients {
		t.Errorf("%d clients are remembered, want at most %d", n, maxClients)
	}
}

func TestManyAtOnceGetNoMoreThanTheLimit(t *testing.T) {
	many(t, NewMemory(), Rate{Units: 100, Per: time.Hour}, "client")
}

// many has 20 goroutines take 10 each of 100.
func many(t *testing.T, l Limiter, rate Rate, client string) {
	t.Helper()
	var allowed atomic.Int64
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			for range 10 {
				d, err := l.Take(context.Background(), client, rate, 1)
				if err != nil {
					t.Error(err)
				}
				if d.Allowed {
					allowed.Add(1)
				}
			}
		})
	}
	all.Wait()
	if n := allowed.Load(); n != 100 {
		t.Errorf("%d were allowed, want 100", n)
	}
}

type scripted struct {
	err   error
	asked int
}

func (s *scripted) Take(context.Context, string, Rate, int) (Decision, error) {
	s.asked++
	return Decision{Allowed: true, Remaining: 7}, s.err
}

func TestAStoreThatIsDownIsLeftAloneAndTheOwnLimitHolds(t *testing.T) {
	shared := &scripted{err: errors.New("down")}
	rate, f := Rate{Units: 2, Per: time.Hour}, NewFallback(shared, NewMemory(), slog.New(slog.DiscardHandler))
	for i, want := range []bool{true, true, false} {
		if d, err := f.Take(context.Background(), "a", rate, 1); err != nil || d.Allowed != want {
			t.Errorf("take %d: %+v, %v", i, d, err)
		}
	}
	if shared.asked != 1 {
		t.Errorf("the store was asked %d times within its pause", shared.asked)
	}
	shared.err = nil
	f.retryAt.Store(1) // the pause is over
	if d, _ := f.Take(context.Background(), "a", rate, 1); !d.Allowed || d.Remaining != 7 || f.retryAt.Load() != 0 {
		t.Errorf("the store is back, but the decision is %+v", d)
	}
}

func TestWithoutAnyStoreTheLimitIsTheProcessesOwn(t *testing.T) {
	rate := Rate{Units: 1, Per: time.Hour}
	shared, err := NewRedis(Address{URL: "redis://127.0.0.1:1"}, nil) // nothing listens there
	if err != nil {
		t.Fatal(err)
	}
	defer shared.Close()
	f := NewFallback(shared, NewMemory(), slog.New(slog.DiscardHandler))
	began := time.Now()
	for i, want := range []bool{true, false} {
		if d, err := f.Take(context.Background(), "a", rate, 1); err != nil || d.Allowed != want {
			t.Errorf("take %d: %+v, %v", i, d, err)
		}
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("two requests waited %s for a store that is down", took)
	}
}

func BenchmarkTake(b *testing.B) {
	rate, m := Rate{Units: 1_000_000_000, Per: time.Second}, NewMemory()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			m.take("client", rate, 1, 0)
		}
	})
}
