package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	pages "event-processing-service/console"
	"event-processing-service/internal/event"
	"event-processing-service/processor"
)

// demo handles the types demo.*, which only this program has, so that a person sees what failures look like before a
// handler of their own fails. A warehouse can be broken and repaired by events; orders fail meanwhile.
type demo struct {
	service func(context.Context, *processor.Mux, *processor.Deps) (func(), error)

	mu       sync.Mutex
	isBroken bool
	tries    map[event.Identity]int
}

type demoOrder struct {
	Fault string `json:"fault"`
	Ship  bool   `json:"ship"`
}

// register adds the demo's handlers to the service's own.
func (d *demo) register(ctx context.Context, mux *processor.Mux, deps *processor.Deps) (func(), error) {
	set := func(broken bool) func(context.Context, event.Event) error {
		return func(context.Context, event.Event) error {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.isBroken = broken
			return nil
		}
	}
	deps.Check("demo warehouse", func(context.Context) error { return d.ask() })
	mux.HandleFunc("demo.break", set(true))
	mux.HandleFunc("demo.repair", set(false))
	// Pauses long enough to be seen, and short enough that nobody waits for the dead letter.
	order := func(ctx context.Context, e event.Event, o demoOrder) error {
		if err := d.order(ctx, e, o); err != nil || !o.Ship {
			return err
		}
		return deps.Publish(ctx, processor.FollowUp{
			Type: "demo.shipment", Subject: e.Subject, Data: map[string]string{"order": e.ID},
		})
	}
	processor.On(mux, "demo.order", order, processor.Backoff(800*time.Millisecond, 2*time.Second))
	return d.service(ctx, mux, deps)
}

func (d *demo) order(ctx context.Context, e event.Event, o demoOrder) error {
	switch o.Fault {
	case "twice":
		if n := d.try(e.Identity()); n <= 2 {
			return fmt.Errorf("warehouse answers 503 (try %d)", n)
		}
	case "bad":
		return processor.Permanent(errors.New("order has no quantity"))
	case "panic":
		panic("index out of range: the fault that was asked for")
	case "slow":
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Second):
		}
	}
	return d.ask()
}

// ask fails while the warehouse is broken.
func (d *demo) ask() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.isBroken {
		return errors.New("connect to the warehouse: connection refused")
	}
	return nil
}

// maxTries bounds what is remembered of orders that fail twice.
const maxTries = 10_000

func (d *demo) try(id event.Identity) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.tries == nil || len(d.tries) >= maxTries {
		d.tries = map[event.Identity]int{}
	}
	d.tries[id]++
	return d.tries[id]
}

func demoExamples() []pages.Example {
	try := func(name, says, kind, data string) pages.Example {
		event := `{"type":"` + kind + `","subject":"order-1","data":` + data + `}`
		return pages.Example{Name: name, Says: says, Event: json.RawMessage(event)}
	}
	return []pages.Example{
		try("An order", "is processed, unless the warehouse is broken", "demo.order", `{"sku":"A-1","quantity":2}`),
		try("An order to ship", "its handler publishes a follow-up event", "demo.order", `{"sku":"A-1","ship":true}`),
		try("Break the warehouse", "orders fail from now on", "demo.break", `{}`),
		try("Repair the warehouse", "orders succeed again", "demo.repair", `{}`),
		try("Fails twice", "two attempts fail, the third succeeds", "demo.order", `{"fault":"twice"}`),
		try("Bad data", "no retry helps: a dead letter at once", "demo.order", `{"fault":"bad"}`),
		try("A panic", "each attempt panics, and leaves a stack to look at", "demo.order", `{"fault":"panic"}`),
		try("A slow handler", "takes 5 seconds, and is seen at work", "demo.order", `{"fault":"slow"}`),
		try("Refused", "the API answers 422 and stores nothing", "order.placed", `{"order_id":""}`),
	}
}
