package processor_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"event-processing-service/internal/event"
	"event-processing-service/internal/payload"
	"event-processing-service/internal/store"
	"event-processing-service/processor"
)

// accounts stands for the database of an application.
type accounts struct {
	mu      sync.Mutex
	balance map[string]int
	booked  map[event.Identity]bool
}

// book is one transaction: it adds the amount and remembers that it did. Only both together let the effect happen
// once, because the same event may be handled again.
func (a *accounts) book(account string, amount int, by event.Identity) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.booked[by] {
		return
	}
	a.booked[by] = true
	a.balance[account] += amount
}

// Calling a handler again for the same event must be harmless. Where the effect can't be repeated by nature, such as an
// addition, the event's identity goes into the same transaction. A remote service takes it as an idempotency key.
func ExampleMux() {
	bank := accounts{balance: map[string]int{}, booked: map[event.Identity]bool{}}
	timedOut := false

	var mux processor.Mux
	mux.HandleFunc("payment.received", func(ctx context.Context, e event.Event) error {
		var payment struct {
			Account string
			Amount  int
		}
		if err := json.Unmarshal(e.Data, &payment); err != nil {
			return processor.Permanent(fmt.Errorf("read payment: %w", err)) // no retry fixes it
		}
		bank.book(payment.Account, payment.Amount, e.Identity())
		if !timedOut {
			timedOut = true
			return errors.New("commit transaction: time-out") // though it was committed
		}
		return nil
	})

	deliver(&mux, nil, slog.New(slog.DiscardHandler), `{"account": "alice", "amount": 10}`)
	fmt.Println("balance", bank.balance["alice"])
	// Output:
	// {"batchItemFailures":[]} <nil>
	// balance 10
}

// An error, a time-out and a panic are retried alike; the handler sees the same event each time. After the last attempt
// the record is a dead letter, with the last error as its reason, and the batch is done.
func ExampleAttempts() {
	failures := []string{"connect to bank: refused", "hang", "panic"}
	var mux processor.Mux
	mux.HandleFunc("payment.received", func(ctx context.Context, e event.Event) error {
		failure := failures[0]
		failures = failures[1:]
		fmt.Println("called for", e.ID)
		switch failure {
		case "hang":
			<-ctx.Done()
			return fmt.Errorf("wait for bank: %w", ctx.Err())
		case "panic":
			panic("no account")
		}
		return errors.New(failure)
	}, processor.Attempts(3), processor.Timeout(100*time.Millisecond),
		processor.Backoff(time.Millisecond, time.Millisecond))

	letters := &topic{}
	deliver(&mux, letters, outline(), `{}`)
	says, _ := processor.ReadDeadLetter(&letters.stored)
	fmt.Printf("dead letter after %d attempts: %s\n", says.Attempts, says.Error)
	// Output:
	// called for p-1
	// msg="attempt failed" attempts=1 error="connect to bank: refused"
	// called for p-1
	// msg="attempt failed" attempts=2 error="wait for bank: context deadline exceeded"
	// called for p-1
	// msg="event dead-lettered" attempts=3 error="panic: no account"
	// {"batchItemFailures":[]} <nil>
	// dead letter after 3 attempts: panic: no account
}

// An error is retried; a permanent one goes to the dead letter topic at once.
func ExamplePermanent() {
	calls := 0
	var mux processor.Mux
	mux.HandleFunc("payment.received", func(context.Context, event.Event) error {
		calls++
		if calls < 3 {
			return errors.New("connect to bank: time-out")
		}
		return processor.Permanent(errors.New("account is closed"))
	}, processor.Backoff(time.Millisecond, time.Millisecond))

	letters := &topic{}
	deliver(&mux, letters, outline(), `{}`)
	says, _ := processor.ReadDeadLetter(&letters.stored)
	fmt.Printf("dead letter after %d attempts: %s\n", says.Attempts, says.Error)
	// Output:
	// msg="attempt failed" attempts=1 error="connect to bank: time-out"
	// msg="attempt failed" attempts=2 error="connect to bank: time-out"
	// msg="event dead-lettered" attempts=3 error="account is closed"
	// {"batchItemFailures":[]} <nil>
	// dead letter after 3 attempts: account is closed
}

// deliver lets a new processor handle one payment, as Lambda does, and prints its answer.
func deliver(mux *processor.Mux, letters processor.DeadLetters, log *slog.Logger, data string) {
	p, err := processor.New(processor.DefaultConfig(), mux, store.NewMemory(store.DefaultRetention), letters, log)
	if err != nil {
		fmt.Println(err)
		return
	}
	header := func(name, value string) string { // MSK sends the bytes as numbers
		var numbers []string
		for _, b := range []byte(value) {
			numbers = append(numbers, strconv.Itoa(int(b)))
		}
		return fmt.Sprintf(`{%q: [%s]}`, name, strings.Join(numbers, ", "))
	}
	answer, err := payload.Function(p.Handle).Invoke(context.Background(), fmt.Appendf(nil,
		`{"records": {"events-0": [{"topic": "events", "offset": 1, "value": %q, "headers": [%s, %s, %s, %s]}]}}`,
		data, header("ce_specversion", "1.0"), header("ce_id", "p-1"), header("ce_source", "/shop"),
		header("ce_type", "payment.received")))
	fmt.Println(string(answer), err)
}

// outline prints of a log's lines what an example is about.
func outline() *slog.Logger {
	about := func(_ []string, a slog.Attr) slog.Attr {
		switch a.Key {
		case slog.MessageKey, "attempts", "error":
			return a
		}
		return slog.Attr{}
	}
	return slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: about}))
}

// topic is a dead letter topic of one record.
type topic struct{ stored event.Record }

func (t *topic) Publish(_ context.Context, r event.Record) (event.Place, error) {
	t.stored = r
	return r.Place, nil
}

func (t *topic) Since(context.Context, time.Time) iter.Seq2[event.Record, error] {
	return func(func(event.Record, error) bool) {}
}
