// Package orders is an example to copy: handlers that call an HTTP service with an idempotency key, write to a table
// under a condition, and publish events because of others. Each bears to be called again with the same event, which the
// tests prove on the real processor.
package orders

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"event-processing-service/internal/event"
	"event-processing-service/processor"
)

//go:generate go run event-processing-service/schemas/typegen/schematypes -package orders

// Clients are what the handlers reach others by. The zero value of each field is what production has.
type Clients struct {
	HTTP *http.Client // nil: one of its own
	AWS  *aws.Config  // nil: of the function's role, or of the shell
}

// Register registers the handlers. PAYMENTS_URL and ORDERS_TABLE are variables, PAYMENTS_KEY is a secret.
func Register(ctx context.Context, mux *processor.Mux, deps *processor.Deps) (closeAll func(), err error) {
	return Clients{}.Register(ctx, mux, deps)
}

// Register is the package's Register with these clients.
func (c Clients) Register(
	ctx context.Context, mux *processor.Mux, deps *processor.Deps,
) (closeAll func(), err error) {
	url, errURL := deps.Env("PAYMENTS_URL")
	table, errTable := deps.Env("ORDERS_TABLE")
	if err := errors.Join(errURL, errTable); err != nil {
		return nil, err
	}
	if c.HTTP == nil {
		c.HTTP = &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
	}
	if c.AWS == nil {
		cfg, err := config.LoadDefaultConfig(ctx)
		if err != nil {
			return nil, fmt.Errorf("load AWS configuration: %w", err)
		}
		c.AWS = &cfg
	}
	h := &handlers{deps: deps, payments: &payments{url: url, client: c.HTTP}, ledger: newLedger(*c.AWS, table)}
	deps.Check("payments", h.payments.check)

	processor.On(mux, "order.created", h.charge, processor.Concurrency(10)) // as many calls as the service likes at once
	processor.On(mux, "order.paid", h.record)
	processor.On(mux, "order.shipped", h.notify)
	return c.HTTP.CloseIdleConnections, nil
}

type handlers struct {
	deps     *processor.Deps
	payments *payments
	ledger   *ledger
}

// charge calls a service that does a thing once for each idempotency key. So a second call with the same event takes no
// money, and publishes no second event.
func (h *handlers) charge(ctx context.Context, e event.Event, order OrderCreated) error {
	if len(order.Lines) == 0 {
		return processor.Permanent(errors.New("the order has no lines")) // no retry changes that
	}
	secret, err := h.deps.Secret(ctx, "PAYMENTS_KEY") // here, not in Register: it may be rotated
	if err != nil {
		return err
	}
	if err := h.payments.charge(ctx, secret, idempotencyKey(e), order); err != nil {
		return err
	}
	return h.deps.Publish(ctx, processor.FollowUp{
		Type: "order.paid", Subject: order.OrderID,
		Data: OrderPaid{OrderID: order.OrderID, Amount: order.Amount, Currency: order.Currency},
	})
}

// record writes a row that one event may write, and only that one again.
func (h *handlers) record(ctx context.Context, e event.Event, paid OrderPaid) error {
	err := h.ledger.put(ctx, paid, idempotencyKey(e))
	if errors.Is(err, errTaken) {
		return processor.Permanent(fmt.Errorf("record order %s: %w", paid.OrderID, err))
	}
	return err
}

// notify publishes an event for each recipient, whose name tells them apart.
func (h *handlers) notify(ctx context.Context, _ event.Event, shipped OrderShipped) error {
	var all []processor.FollowUp
	for _, who := range shipped.Tell {
		all = append(all, processor.FollowUp{
			Type: "notification.requested", Subject: shipped.OrderID, Name: who,
			Data: NotificationRequested{OrderID: shipped.OrderID, Recipient: who, Delivery: shipped.Delivery},
		})
	}
	return h.deps.Publish(ctx, all...)
}
