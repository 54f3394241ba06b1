package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
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

// tableTest is a store on a table with faults, and what it asked of it.
type tableTest struct {
	*DynamoDB
	asked []tabletest.Request
}

func faulty(fault func(n int, r tabletest.Request) tabletest.Fault) *tableTest {
	t := &tableTest{}
	table := &tabletest.Table{Fault: func(r tabletest.Request) tabletest.Fault {
		t.asked = append(t.asked, r)
		return fault(len(t.asked), r)
	}}
	t.DynamoDB = NewDynamoDB(table.Config(), "events", time.Hour)
	return t
}

// all makes one call for each of n events, in one company, and returns each one's error.
func (t *tableTest) all(ctx context.Context, n int, call func(context.Context, event.Claim) error) []error {
	company := event.NewCompany(n)
	errs := make([]error, n)
	var calls sync.WaitGroup
	for i := range n {
		calls.Go(func() {
			defer company.Leave()
			errs[i] = call(ctx,
				event.Claim{Identity: numbered(i), Owner: fmt.Sprint("owner ", i), Lease: time.Minute, Company: company})
		})
	}
	calls.Wait()
	return errs
}

func numbered(i int) event.Identity { return event.Identity{Source: "/test", ID: fmt.Sprint(i)} }

func (t *tableTest) begin(ctx context.Context, c event.Claim) error {
	r, err := t.Begin(ctx, c)
	if err == nil && r.Answer != event.Granted {
		err = fmt.Errorf("the answer is %d", r.Answer)
	}
	return err
}

func (t *tableTest) finish(ctx context.Context, c event.Claim) error {
	r, err := t.Finish(ctx, c, processed)
	if err == nil && r.Answer != event.Written {
		err = fmt.Errorf("the answer is %d", r.Answer)
	}
	return err
}

func (t *tableTest) requests() string {
	var all []string
	for _, r := range t.asked {
		all = append(all, r.String())
	}
	return strings.Join(all, ", ")
}

func noFault(int, tabletest.Request) tabletest.Fault { return tabletest.Fault{} }

func TestAHundredEventsAreFourRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := faulty(noFault)
		if err := errors.Join(d.all(t.Context(), 100, d.finish)...); err != nil {
			t.Fatal(err)
		}
		const batch = "BatchExecuteStatement of 25"
		if want := strings.Join([]string{batch, batch, batch, batch}, ", "); d.requests() != want {
			t.Errorf("they are %s", d.requests())
		}
		d.asked = nil
		if err := d.all(t.Context(), 1, d.begin); err == nil || d.requests() != "PutItem of 1" {
			t.Errorf("an event alone is %s, and gives %v", d.requests(), err)
		}
	})
}

func TestOfABatchWhoseAnswerIsLostEachEventIsTheCallersAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := faulty(func(n int, _ tabletest.Request) tabletest.Fault { return tabletest.Fault{Lost: n == 1} })
		if err := errors.Join(d.all(t.Context(), 25, d.begin)...); err != nil {
			t.Error(err)
		}
		// The SDK asks again, and hears that all are there already; whose they are is then read.
		if want := "BatchExecuteStatement of 25, BatchExecuteStatement of 25, BatchGetItem of 25"; d.requests() != want {
			t.Errorf("it asks %s; want %s", d.requests(), want)
		}
	})
}

func TestABatchThatDoesNotComeThroughFailsEachOfItsEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := faulty(func(int, tabletest.Request) tabletest.Fault { return tabletest.Fault{Unreached: true} })
		for i, err := range d.all(t.Context(), 25, d.begin) {
			if err == nil || !strings.Contains(err.Error(), fmt.Sprintf(`claim event "%d" of "/test" in table events`, i)) {
				t.Errorf("event %d gives %v", i, err)
			}
		}
		if len(d.asked) != maxTries {
			t.Errorf("it asks %s", d.requests())
		}
	})
}

func TestStatementsThatFailAreAskedAgainWithoutTheOthers(t *testing.T) {
	for _, code := range []string{"ThrottlingError", "RequestLimitExceeded", "ProvisionedThroughputExceeded",
		"TransactionConflict", "InternalServerError"} {
		synctest.Test(t, func(t *testing.T) {
			failures := map[int]string{}
			for i := range 10 {
				failures[2*i] = code
			}
			d := faulty(func(n int, _ tabletest.Request) tabletest.Fault {
				if n == 1 {
					return tabletest.Fault{Statements: failures}
				}
				return tabletest.Fault{}
			})
			if err := errors.Join(d.all(t.Context(), 25, d.finish)...); err != nil {
				t.Error(err)
			}
			again := 0
			for _, r := range d.asked[1:] {
				again += len(r.Keys)
			}
			if again != 10 {
				t.Errorf("with %s it asks %s", code, d.requests())
			}
		})
	}
}

func TestAStatementThatFailsForGoodFailsItsEventAlone(t *testing.T) {
	for together, alone := range map[string]string{"ThrottlingError": "ThrottlingException",
		"ValidationError": "ValidationException"} {
		synctest.Test(t, func(t *testing.T) {
			bad := numbered(3)
			d := faulty(func(_ int, r tabletest.Request) (f tabletest.Fault) {
				if i := slices.Index(r.Keys, partitionKey(subject{Identity: bad})); i >= 0 {
					f.Statements = map[int]string{i: together}
					if r.Operation == "PutItem" {
						f.Refused = alone
					}
				}
				return f
			})
			for i, err := range d.all(t.Context(), 10, d.finish) {
				if isBad := numbered(i) == bad; (err != nil) != isBad || isBad && !strings.Contains(err.Error(), alone) {
					t.Errorf("with %s event %d gives %v", together, i, err)
				}
			}
		})
	}
}

func TestARequestThatIsRefusedIsMadeOfEachChangeAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := faulty(func(_ int, r tabletest.Request) tabletest.Fault {
			if r.Operation == "BatchExecuteStatement" {
				return tabletest.Fault{Refused: "AccessDeniedException"}
			}
			if r.Keys[0] == "/test 3" {
				return tabletest.Fault{Refused: "ValidationException"}
			}
			return tabletest.Fault{}
		})
		for i, err := range d.all(t.Context(), 25, d.begin) {
			if (err != nil) != (i == 3) {
				t.Errorf("event %d gives %v", i, err)
			}
		}
	})
}

func TestAnEventThatIsDoneIsReadTogetherWithOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := faulty(noFault)
		if err := errors.Join(d.all(t.Context(), 25, d.finish)...); err != nil {
			t.Fatal(err)
		}
		d.asked = nil
		for i, err := range d.all(t.Context(), 25, func(ctx context.Context, c event.Claim) error {
			r, err := d.Finish(ctx, event.Claim{Identity: c.Identity, Company: c.Company}, processed)
			if err == nil && r.Answer != event.Done {
				err = fmt.Errorf("the answer is %d", r.Answer)
			}
			return err
		}) {
			if err != nil {
				t.Errorf("event %d: %v", i, err)
			}
		}
		if want := "BatchExecuteStatement of 25, BatchGetItem of 25"; d.requests() != want {
			t.Errorf("it asks %s; want %s", d.requests(), want)
		}
	})
}

func TestWhatCannotBeReadTogetherIsDecidedAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := faulty(func(_ int, r tabletest.Request) tabletest.Fault {
			if r.Operation == "BatchGetItem" {
				return tabletest.Fault{Refused: "AccessDeniedException"}
			}
			return tabletest.Fault{}
		})
		for range 2 { // the second time they are the owners' own
			if err := errors.Join(d.all(t.Context(), 10, d.begin)...); err != nil {
				t.Error(err)
			}
		}
	})
}
