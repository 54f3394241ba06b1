package store

import (
	"context"
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
