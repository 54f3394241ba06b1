package processor_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"event-processing-service/internal/event"
	"event-processing-service/internal/store"
	"event-processing-service/processor"
)

// accounts stands for the database of an application.
type accounts struct {
	mu      sync.Mutex
	balance map[string]int
	booked  map[event.Identity]bool
}

// book is one transaction: the amount, and the memory that it was booked. Only both together make the effect happen
// once, as the same event may be handled again.
func (a *accounts) book(account string, amount int, by event.Identity) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.booked[by] {
		return
	}
	a.booked[by] = true
	a.balance[account] += amount
}

// A handler must bear being called again for the same event. Where the effect is not a repeatable one by nature, such as an
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
			return processor.Permanent(fmt.Errorf("read payment: %w", err)) // no retry mends it
		}
		bank.book(payment.Account, payment.Amount, e.Identity())
		if !timedOut {
			timedOut = true
			return errors.New("commit transaction: time-out") // though it was committed
		}
		return nil
	})

	p, err := processor.New(processor.DefaultConfig(), &mux, store.NewMemory(store.DefaultRetention), nil, slog.New(slog.DiscardHandler))
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := processor.Function(p.Handle).Invoke(context.Background(), []byte(`{"records": {"events-0": [{
		"topic": "events", "offset": 1, "key": "alice", "value": "{\"account\": \"alice\", \"amount\": 10}",
		"headers": [
			{"ce_specversion": [49, 46, 48]}, {"ce_id": [112, 45, 49]}, {"ce_source": [47, 115]},
			{"ce_type": [112, 97, 121, 109, 101, 110, 116, 46, 114, 101, 99, 101, 105, 118, 101, 100]}
		]
	}]}}`))
	fmt.Println(bank.balance["alice"], string(answer), err)
	// Output: 10 {"batchItemFailures":[]} <nil>
}
