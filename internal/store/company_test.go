package store

import (
	"context"
	"crypto/rand"
	"sync"
	"testing"
	"time"

	"event-processing-service/internal/event"
	"event-processing-service/internal/store/tabletest"
)

// inCompany makes each change of a store together with one of another event, so that they share requests.
type inCompany struct{ anyStore }

func (s inCompany) with(c event.Claim, call func(event.Claim) error) error {
	c.Company = event.NewCompany(2)
	done := make(chan struct{})
	var other sync.WaitGroup
	other.Go(func() {
		defer c.Company.Leave()
		for {
			select {
			case <-done:
				return
			default:
				id := event.Identity{Source: "/company", ID: rand.Text()}
				_, _ = s.anyStore.Begin(context.Background(), event.Claim{Identity: id, Owner: "b", Company: c.Company})
			}
		}
	})
	err := call(c)
	close(done)
	c.Company.Leave()
	other.Wait()
	return err
}

func (s inCompany) Begin(ctx context.Context, c event.Claim) (r event.Reply, err error) {
	err = s.with(c, func(c event.Claim) error { r, err = s.anyStore.Begin(ctx, c); return err })
	return r, err
}

func (s inCompany) Renew(ctx context.Context, c event.Claim) (r event.Reply, err error) {
	err = s.with(c, func(c event.Claim) error { r, err = s.anyStore.Renew(ctx, c); return err })
	return r, err
}

func (s inCompany) Finish(ctx context.Context, c event.Claim, o event.Outcome) (r event.Reply, err error) {
	err = s.with(c, func(c event.Claim) error { r, err = s.anyStore.Finish(ctx, c, o); return err })
	return r, err
}

func (s inCompany) Release(ctx context.Context, c event.Claim, attempts int, reason string) error {
	return s.with(c, func(c event.Claim) error { return s.anyStore.Release(ctx, c, attempts, reason) })
}

func TestDynamoDBInCompany(t *testing.T) {
	table := "test-" + rand.Text()
	if _, err := local(t, table, time.Hour).CreateTable(t.Context()); err != nil {
		t.Fatal(err)
	}
	testStore(t, func(t *testing.T, retention time.Duration) anyStore { return inCompany{local(t, table, retention)} })
}

func TestATableInMemoryDoesAsDynamoDBDoes(t *testing.T) {
	table := &tabletest.Table{}
	testStore(t, func(_ *testing.T, retention time.Duration) anyStore {
		return inCompany{NewDynamoDB(table.Config(), "events", retention)}
	})
	t.Run("of a named processor", func(t *testing.T) {
		testStore(t, func(_ *testing.T, retention time.Duration) anyStore {
			return inCompany{NewDynamoDB(table.Config(), "events", retention).Of("audit")}
		})
	})
}

func TestWhatOneProcessorRemembersOfAnEventIsNothingToAnother(t *testing.T) {
	table := &tabletest.Table{}
	first := NewDynamoDB(table.Config(), "events", time.Hour)
	named := []anyStore{first.Of("audit"), first.Of("billing")}
	id := event.Identity{Source: "/orders", ID: "1"}
	claim := event.Claim{Identity: id, Owner: "a", Lease: time.Hour}
	for _, s := range append([]anyStore{first}, named...) { // each is granted it, whatever the others hold
		r, err := s.Begin(t.Context(), claim)
		if err != nil || r.Answer != event.Granted || r.Attempt != 1 {
			t.Fatalf("the answer is %+v, %v", r, err)
		}
	}
	if _, err := first.Finish(t.Context(), claim, processed); err != nil {
		t.Fatal(err)
	}
	if _, err := named[1].Finish(t.Context(), claim, deadLettered); err != nil {
		t.Fatal(err)
	}
	for i, s := range []anyStore{first, named[0], named[1]} {
		o, known, err := s.Outcome(t.Context(), id)
		want := []event.Status{event.StatusProcessed, "", event.StatusDeadLettered}[i]
		if err != nil || o.Status != want || known != (want != "") {
			t.Errorf("store %d knows %q (%t), want %q: %v", i, o.Status, known, want, err)
		}
	}
}
