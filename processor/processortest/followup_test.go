package processortest_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"event-processing-service/internal/event"
	"event-processing-service/processor"
	"event-processing-service/processor/processortest"
)

type invoice struct {
	Total string `json:"total"`
}

// publishing has a handler of order.* that may publish, and whatever else is registered.
func publishing(
	handle func(ctx context.Context, deps *processor.Deps, e event.Event) error, more ...func(*processor.Mux),
) processortest.Register {
	return func(_ context.Context, mux *processor.Mux, deps *processor.Deps) (func(), error) {
		mux.HandleFunc("order.*", func(ctx context.Context, e event.Event) error { return handle(ctx, deps, e) })
		for _, f := range more {
			f(mux)
		}
		return func() {}, nil
	}
}

func twoInvoices(ctx context.Context, deps *processor.Deps, _ event.Event) error {
	return deps.Publish(ctx,
		processor.FollowUp{Type: "invoice.requested", Subject: "a", Data: invoice{"1.00"}},
		processor.FollowUp{Type: "invoice.requested", Subject: "a", Name: "second", Data: invoice{"2.00"}})
}

func TestFollowUpsTellTheirCauseAndAreThereOnceHoweverOftenTheCauseComes(t *testing.T) {
	processortest.Run(t, publishing(twoInvoices), func(k *processortest.Kit) {
		cause := order("o", "k")
		k.InvokeAndDie(processortest.AfterFollowUp, cause)
		k.Deliver(cause)
		k.InvokeAndDie(processortest.AfterHandler, order("p", "k"))
		k.Deliver(order("p", "k"))
		found := k.FollowUps(cause)
		if len(found) != 2 || len(k.FollowUps(order("p", "k"))) != 2 {
			t.Fatalf("follow-ups: %+v", found)
		}
		first := found[0]
		want := event.Event{
			ID: first.ID, Source: event.FollowUpSource, Type: "invoice.requested", Subject: "a", Time: first.Time,
			DataContentType: "application/json", Data: []byte(`{"total":"1.00"}`),
			Extensions: []event.Extension{{Name: "causationid", Value: "o"}, {Name: "correlationid", Value: "o"},
				{Name: "causationhops", Value: "1"}},
		}
		if diff := cmp.Diff(want, first); diff != "" || first.ID == "" || first.ID == found[1].ID {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestAChainKeepsItsCorrelationAndEndsInADeadLetterAtTheLimit(t *testing.T) {
	again := func(ctx context.Context, deps *processor.Deps, e event.Event) error {
		return deps.Publish(ctx, processor.FollowUp{Type: "order.again", Subject: e.Subject})
	}
	processortest.Run(t, publishing(again), func(k *processortest.Kit) {
		first := order("o", "k")
		first.Extensions = []event.Extension{{Name: "correlationid", Value: "visit-7"}}
		cause := first
		for range processor.MaxHops {
			k.Deliver(cause)
			k.ExpectProcessed(cause)
			next := k.FollowUps(cause)
			if len(next) != 1 || next[0].Extension("correlationid") != "visit-7" {
				t.Fatalf("the follow-ups of %s are %+v", cause.ID, next)
			}
			cause = next[0]
		}
		k.Deliver(cause)
		k.ExpectDeadLetter(cause, "number 17 of a chain of follow-ups, and the limit is 16")
		if o := k.Outcome(cause); o.Attempts != 1 {
			t.Errorf("it is given up after %d attempts, want 1", o.Attempts)
		}
	})
}

func TestAFollowUpThatWouldBeLostOrRefusedIsADeadLetterOfItsCauseAtOnce(t *testing.T) {
	publish := func(followUps ...processor.FollowUp) func(context.Context, *processor.Deps, event.Event) error {
		return func(ctx context.Context, deps *processor.Deps, _ event.Event) error {
			for _, f := range followUps {
				if err := deps.Publish(ctx, f); err != nil {
					return err
				}
			}
			return nil
		}
	}
	ok := processor.FollowUp{Type: "t", Data: 1}
	for name, c := range map[string]struct {
		handle func(context.Context, *processor.Deps, event.Event) error
		reason string
	}{
		"two of one name":       {publish(ok, processor.FollowUp{Type: "t", Data: 2}), "give each a Name"},
		"no type":               {publish(processor.FollowUp{Data: 1}), "/type: is required"},
		"a bad subject":         {publish(processor.FollowUp{Type: "t", Subject: "a\nb"}), "/subject: must not contain"},
		"data that is not JSON": {publish(processor.FollowUp{Type: "t", Data: func() {}}), "write its data as JSON"},
		"a context that is not the handler's": {func(_ context.Context, d *processor.Deps, _ event.Event) error {
			return d.Publish(context.Background(), ok)
		}, "ctx must be the handler's own"},
	} {
		t.Run(name, func(t *testing.T) {
			processortest.Run(t, publishing(c.handle), func(k *processortest.Kit) {
				k.Deliver(order("o", "k"))
				k.ExpectDeadLetter(order("o", "k"), c.reason)
			})
		})
	}
}

// deaf is a topic whose brokers do not answer.
type deaf struct{ calls atomic.Int64 }

func (d *deaf) Publish(ctx context.Context, events []event.Event, _ ...event.Header) []event.Receipt {
	d.calls.Add(1)
	<-ctx.Done()
	receipts := make([]event.Receipt, len(events))
	for i := range receipts {
		receipts[i].Err = &event.PublishError{Failure: event.FailureOutcomeUnknown, Err: errors.New("no answer")}
	}
	return receipts
}

func TestAnEventWhoseFollowUpIsNotStoredIsTriedAgain(t *testing.T) {
	topic := &deaf{}
	register := publishing(func(ctx context.Context, deps *processor.Deps, _ event.Event) error {
		return (&processor.Deps{Publisher: topic}).Publish(ctx, processor.FollowUp{Type: "t"})
	})
	processortest.Run(t, register, func(k *processortest.Kit) {
		k.Deliver(order("o", "k"))
		k.ExpectDeadLetter(order("o", "k"), "publish follow-up")
		if n := topic.calls.Load(); n != int64(k.Config.MaxAttempts) {
			t.Errorf("it is tried %d times, want %d", n, k.Config.MaxAttempts)
		}
	})
}

func TestTwoProcessorsThatPublishTheSameMakeTwoEvents(t *testing.T) {
	ids := map[string]string{}
	for _, name := range []string{"", "audit", "mail"} {
		processortest.Run(t, publishing(twoInvoices), func(k *processortest.Kit) {
			k.Config.Name = name
			k.Deliver(order("o", "k"))
			for _, e := range k.FollowUps(order("o", "k")) {
				if other, taken := ids[e.ID]; taken {
					t.Errorf("processors %q and %q publish one event, %s", name, other, e.ID)
				}
				ids[e.ID] = name
			}
		})
	}
	if len(ids) != 6 {
		t.Errorf("there are %d events, want 6", len(ids))
	}
}

func TestAHandlerThatCannotBeRegisteredFailsTheTest(t *testing.T) {
	r := &recorder{TB: t}
	k := processortest.New(r, func(context.Context, *processor.Mux, *processor.Deps) (func(), error) {
		return nil, errors.New("warehouse is closed")
	})
	_ = k.Invoke(order("o", "k"))
	if len(r.failures) != 1 || !strings.Contains(r.failures[0], "warehouse is closed") {
		t.Errorf("the kit says %q", r.failures)
	}
}
