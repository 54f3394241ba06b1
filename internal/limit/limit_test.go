package limit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestABurstUpToTheLimitIsAllowedAndComesBackEvenly(t *testing.T) {
	m := NewMemory(Rate{Units: 10, Per: time.Second})
	for i := range 10 {
		if d := m.take("a", 1, 0); !d.Allowed || d.Remaining != 9-i {
			t.Fatalf("take %d: %+v", i, d)
		}
	}
	if d := m.take("a", 1, 0); d.Allowed || d.Wait != 100*time.Millisecond || d.Reset != time.Second {
		t.Errorf("the eleventh: %+v", d)
	}
	if d := m.take("b", 1, 0); !d.Allowed {
		t.Errorf("another client: %+v", d)
	}
	if d := m.take("a", 1, 100*time.Millisecond); !d.Allowed || d.Remaining != 0 {
		t.Errorf("after the wait that was told: %+v", d)
	}
	if d := m.take("a", 3, 300*time.Millisecond); d.Allowed || d.Remaining != 2 || d.Wait != 100*time.Millisecond {
		t.Errorf("three of two: %+v", d)
	}
	if d := m.take("a", 2, 300*time.Millisecond); !d.Allowed {
		t.Errorf("a refusal must take nothing: %+v", d)
	}
	if d := m.take("a", 10, time.Minute); !d.Allowed {
		t.Errorf("all of it after a pause: %+v", d)
	}
}

func TestStrangersCannotFillTheMemory(t *testing.T) {
	m := NewMemory(Rate{Units: 1, Per: time.Hour})
	for i := range 3 * maxClients {
		m.take(fmt.Sprint("client ", i), 1, time.Duration(i))
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
	many(t, NewMemory(Rate{Units: 100, Per: time.Hour}), "client")
}

// many has 20 goroutines take 10 each of 100.
func many(t *testing.T, l Limiter, client string) {
	t.Helper()
	var allowed atomic.Int64
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			for range 10 {
				d, err := l.Take(context.Background(), client, 1)
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

func (s *scripted) Take(context.Context, string, int) (Decision, error) {
	s.asked++
	return Decision{Allowed: true, Remaining: 7}, s.err
}

func TestAStoreThatIsDownIsLeftAloneAndTheOwnLimitHolds(t *testing.T) {
	shared := &scripted{err: errors.New("down")}
	f := NewFallback(shared, NewMemory(Rate{Units: 2, Per: time.Hour}), slog.New(slog.DiscardHandler))
	for i, want := range []bool{true, true, false} {
		if d, err := f.Take(context.Background(), "a", 1); err != nil || d.Allowed != want {
			t.Errorf("take %d: %+v, %v", i, d, err)
		}
	}
	if shared.asked != 1 {
		t.Errorf("the store was asked %d times within its pause", shared.asked)
	}
	shared.err = nil
	f.retryAt.Store(1) // the pause is over
	if d, _ := f.Take(context.Background(), "a", 1); !d.Allowed || d.Remaining != 7 || f.retryAt.Load() != 0 {
		t.Errorf("the store is back, but the decision is %+v", d)
	}
}

func TestWithoutAnyStoreTheLimitIsTheProcessesOwn(t *testing.T) {
	rate := Rate{Units: 1, Per: time.Hour}
	shared, err := NewRedis(rate, "redis://127.0.0.1:1") // nothing listens there
	if err != nil {
		t.Fatal(err)
	}
	defer shared.Close()
	f := NewFallback(shared, NewMemory(rate), slog.New(slog.DiscardHandler))
	began := time.Now()
	for i, want := range []bool{true, false} {
		if d, err := f.Take(context.Background(), "a", 1); err != nil || d.Allowed != want {
			t.Errorf("take %d: %+v, %v", i, d, err)
		}
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("two requests waited %s for a store that is down", took)
	}
}

// store is the server that REDIS_URL names, such as redis://localhost:6379.
func store(t *testing.T) string {
	t.Helper()
	url := os.Getenv("REDIS_URL")
	if url == "" {
		t.Skip("REDIS_URL is not set: start redis-server or valkey-server and set it to redis://localhost:6379")
	}
	return url
}

func TestProcessesShareALimitThroughTheStore(t *testing.T) {
	url, client := store(t), fmt.Sprint("test ", time.Now().UnixNano())
	rate := Rate{Units: 100, Per: time.Hour}
	first, err := NewRedis(rate, url)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	many(t, first, client)
	second, err := NewRedis(rate, url)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	d, err := second.Take(context.Background(), client, 1)
	if err != nil || d.Allowed || d.Wait <= 0 || d.Wait > 36*time.Second || d.Reset < 59*time.Minute {
		t.Errorf("another process: %+v, %v", d, err)
	}
}

func TestTheStoreDecidesAsTheProcessDoes(t *testing.T) {
	url, client := store(t), fmt.Sprint("test ", time.Now().UnixNano())
	rate := Rate{Units: 10, Per: time.Hour}
	r, err := NewRedis(rate, url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	m := NewMemory(rate)
	for _, n := range []int{3, 4, 5, 3, 1} {
		got, err := r.Take(context.Background(), client, n)
		want, _ := m.Take(context.Background(), client, n)
		if err != nil || got.Allowed != want.Allowed || got.Remaining != want.Remaining || (got.Wait-want.Wait).Abs() > time.Second {
			t.Errorf("take %d: the store says %+v (%v), the process %+v", n, got, err, want)
		}
	}
}

func BenchmarkTake(b *testing.B) {
	m := NewMemory(Rate{Units: 1_000_000_000, Per: time.Second})
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			m.take("client", 1, 0)
		}
	})
}
