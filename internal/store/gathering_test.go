package store

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"event-processing-service/internal/event"
)

// sent is a request that a gathering made, and how it is answered.
type sent struct {
	ctx     context.Context
	changes []*change
	answer  chan struct{}
}

// gather returns a gathering for so many, and its requests, which wait until they are answered.
func gather(size int) (*gathering, *event.Company, chan sent) {
	requests := make(chan sent, 100)
	company := event.NewCompany(size)
	g, _ := company.Gather(func() event.Gathering {
		return newGathering(company, func(ctx context.Context, changes []*change) {
			s := sent{ctx, changes, make(chan struct{})}
			requests <- s
			select {
			case <-s.answer:
			case <-ctx.Done():
			}
		})
	}).(*gathering)
	return g, company, requests
}

func (g *gathering) puts(ctx context.Context, from, to int) <-chan answer {
	answers := make(chan answer, to-from)
	for i := range to - from {
		go func() { answers <- g.put(ctx, subject{Identity: numbered(from + i)}, nil, nil) }()
	}
	synctest.Wait()
	return answers
}

func wantSent(t *testing.T, requests chan sent, sizes ...int) (all []sent) {
	t.Helper()
	synctest.Wait()
	for range len(requests) {
		all = append(all, <-requests)
	}
	got := []int{}
	for _, s := range all {
		got = append(got, len(s.changes))
	}
	if fmt.Sprint(got) != fmt.Sprint(append([]int{}, sizes...)) {
		t.Fatalf("requests of %v changes were made, want %v", got, sizes)
	}
	return all
}

func TestARequestGoesOffWhenItIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _, requests := gather(100)
		g.puts(t.Context(), 0, 60)
		for _, s := range wantSent(t, requests, 25, 25) {
			close(s.answer)
		}
		time.Sleep(maxGatherTime) // for the others, which may come to nothing
		close(wantSent(t, requests, 10)[0].answer)
	})
}

func TestARequestGoesOffWhenNobodyElseCanCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, company, requests := gather(30)
		g.puts(t.Context(), 0, 25)
		first := wantSent(t, requests, 25)[0]
		g.puts(t.Context(), 25, 29)
		wantSent(t, requests)
		company.Leave() // the thirtieth has nothing to write
		second := wantSent(t, requests, 4)[0]
		close(first.answer)
		close(second.answer)
	})
}

func TestACompanyMayLeaveBeforeAnybodyAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, company, requests := gather(3)
		company.Leave()
		time.Sleep(2 * maxGatherTime)
		g.depart()
		wantSent(t, requests)
		g.puts(t.Context(), 0, 2)
		close(wantSent(t, requests, 2)[0].answer)
	})
}

func TestAChangeWaitsNoLongerThanARoundTrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _, requests := gather(3)
		began := time.Now()
		g.puts(t.Context(), 0, 1)
		time.Sleep(maxGatherTime / 2)
		g.puts(t.Context(), 1, 2)
		wantSent(t, requests)
		s := <-requests
		if waited := time.Since(began); len(s.changes) != 2 || waited != maxGatherTime {
			t.Errorf("%d changes went off after %s", len(s.changes), waited)
		}
		close(s.answer)
		synctest.Wait()
		began = time.Now()
		g.puts(t.Context(), 2, 3)
		s = <-requests
		if waited := time.Since(began); waited != maxGatherTime {
			t.Errorf("the next one went off after %s", waited)
		}
		close(s.answer)
	})
}

func TestTwoChangesOfOneEventAreInTwoRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _, requests := gather(4)
		g.puts(t.Context(), 0, 2)
		g.puts(t.Context(), 0, 2)
		for _, s := range wantSent(t, requests, 2, 2) {
			close(s.answer)
		}
	})
}

func TestWhoGivesUpTakesNobodyAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _, requests := gather(5)
		impatient, cancel := context.WithCancel(t.Context())
		gone := g.puts(impatient, 0, 2) // before it is asked for
		cancel()
		if a := <-gone; !errors.Is(a.err, context.Canceled) {
			t.Errorf("it ends with %v", a.err)
		}
		impatient, cancel = context.WithCancel(t.Context())
		defer cancel()
		gone, stay := g.puts(impatient, 2, 4), g.puts(t.Context(), 4, 5)
		s := <-requests
		if len(s.changes) != 3 {
			t.Fatalf("%d changes are asked for, want those of 3 who wait", len(s.changes))
		}
		cancel()
		if a := <-gone; !errors.Is(a.err, context.Canceled) {
			t.Errorf("it ends with %v", a.err)
		}
		synctest.Wait()
		if s.ctx.Err() != nil {
			t.Error("the request was cancelled, although one waits for its answer")
		}
		close(s.answer)
		if a := <-stay; a.err != nil {
			t.Errorf("who stayed gets %v", a.err)
		}
	})
}

func TestARequestForWhichNobodyWaitsIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _, requests := gather(2)
		ctx, cancel := context.WithCancel(t.Context())
		answers := g.puts(ctx, 0, 2)
		s := wantSent(t, requests, 2)[0]
		cancel()
		<-answers
		<-answers
		synctest.Wait()
		if s.ctx.Err() == nil {
			t.Error("it goes on")
		}
		if a := g.put(ctx, subject{Identity: numbered(3)}, nil, nil); !errors.Is(a.err, context.Canceled) ||
			len(requests) != 0 {
			t.Errorf("with a context that has ended it makes %d requests and gives %v", len(requests), a.err)
		}
	})
}
