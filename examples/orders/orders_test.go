package orders_test

import (
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"event-processing-service/examples/orders"
	"event-processing-service/internal/event"
	"event-processing-service/processor"
	"event-processing-service/processor/processortest"
	"event-processing-service/schemas"
)

const secret = "key-of-the-shop"

// world is what the handlers meet.
type world struct {
	payments fakePayments
	table    fakeTable
}

// run runs a test with the handlers that are registered in production, and fakes of what they reach.
func run(t *testing.T, test func(w *world, k *processortest.Kit)) {
	t.Helper()
	w := &world{}
	w.payments.charges, w.table.rows = map[string]int{}, map[string]string{}
	payments := &http.Client{Transport: processortest.Service{Handler: &w.payments}}
	clients := orders.Clients{HTTP: payments, AWS: w.table.config()}
	processortest.Run(t, clients.Register, func(k *processortest.Kit) {
		k.Env = map[string]string{
			"PAYMENTS_URL": "http://payments.test", "PAYMENTS_KEY": secret, "ORDERS_TABLE": "orders",
		}
		test(w, k)
	})
}

func of(eventType, id, data string) event.Event {
	return event.Event{ID: id, Source: "/shop", Type: eventType, Subject: "o-1", DataContentType: "application/json",
		Data: []byte(data)}
}

const created = `{"order_id":"o-1","amount":19.90,"currency":"EUR","lines":[{"sku":"A-1","quantity":2}]}`

func TestAnOrderIsChargedOnceAndPaidOnce(t *testing.T) {
	run(t, func(w *world, k *processortest.Kit) {
		k.ExpectOnce(of("order.created", "e-1", created), func(id string) int {
			paid := k.FollowUps(event.Event{ID: id})
			if len(paid) != 1 || string(paid[0].Data) != `{"amount":19.90,"currency":"EUR","order_id":"o-1"}` {
				t.Errorf("event %s has the follow-ups %+v", id, paid)
			}
			return w.payments.charged(url.QueryEscape("/shop " + id))
		})
	})
}

func TestADeclinedChargeIsADeadLetterAtOnceAndAnOutageIsWaitedFor(t *testing.T) {
	for status, want := range map[int]struct {
		calls  int
		reason string
	}{
		http.StatusPaymentRequired:    {1, "payments answers 402"},
		http.StatusServiceUnavailable: {5, "payments answers 503"},
	} {
		run(t, func(w *world, k *processortest.Kit) {
			w.payments.refuses = status
			k.Deliver(of("order.created", "e-1", created))
			k.ExpectDeadLetter(of("order.created", "e-1", created), want.reason)
			if w.payments.calls != want.calls || len(k.FollowUps(of("", "e-1", ""))) > 0 {
				t.Errorf("answered with %d, it is called %d times, want %d, and publishes %+v", status,
					w.payments.calls, want.calls, k.FollowUps(of("", "e-1", "")))
			}
		})
	}
}

func TestAnOrderWithoutLinesTakesNoMoney(t *testing.T) {
	run(t, func(w *world, k *processortest.Kit) {
		empty := of("order.created", "e-1", strings.Replace(created, `{"sku":"A-1","quantity":2}`, "", 1))
		k.Deliver(empty)
		k.ExpectDeadLetter(empty, "the order has no lines")
		if w.payments.calls > 0 {
			t.Errorf("payments is called %d times", w.payments.calls)
		}
	})
}

func TestARowIsWrittenByOneEventAndByNoOther(t *testing.T) {
	const paid = `{"order_id":"o-1","amount":19.90,"currency":"EUR"}`
	run(t, func(w *world, k *processortest.Kit) {
		first, second := of("order.paid", "e-1", paid), of("order.paid", "e-2", paid)
		k.InvokeAndDie(processortest.AfterHandler, first)
		k.Deliver(first, second)
		k.ExpectProcessed(first)
		k.ExpectDeadLetter(second, "record order o-1: another event has paid it")
		if w.table.puts != 2 || w.table.rows["o-1"] != url.QueryEscape("/shop e-1") {
			t.Errorf("%d writes: %v", w.table.puts, w.table.rows)
		}
	})
}

func TestEachRecipientIsToldOnce(t *testing.T) {
	shipped := of("order.shipped", "e-1", `{"order_id":"o-1","delivery":"2026-01-31","tell":["ada","bo","cy"]}`)
	run(t, func(_ *world, k *processortest.Kit) {
		k.InvokeAndDie(processortest.AfterFollowUp, shipped)
		k.Deliver(shipped)
		var told []string
		for _, e := range k.FollowUps(shipped) {
			told = append(told, string(e.Data))
		}
		want := `{"delivery":"2026-01-31","order_id":"o-1","recipient":"ada"}`
		if len(told) != 3 || told[0] != want {
			t.Errorf("told %v, want three, the first %s", told, want)
		}
	})
}

func TestWhatIsMissingIsToldBeforeTheFirstEvent(t *testing.T) {
	var mux processor.Mux
	_, err := orders.Register(t.Context(), &mux, &processor.Deps{})
	if err == nil || !strings.Contains(err.Error(), "PAYMENTS_URL") || !strings.Contains(err.Error(), "ORDERS_TABLE") {
		t.Errorf("it says %v", err)
	}
}

func TestWhatTheTestsSendFitsTheSchemas(t *testing.T) {
	set, err := schemas.Load(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	if v := set.Validate("order.created", []byte(created)); v != nil {
		t.Errorf("%v", v)
	}
}
