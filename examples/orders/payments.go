package orders

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"event-processing-service/internal/event"
	"event-processing-service/processor"
	"event-processing-service/schemas"
)

// idempotencyKey names the event to other systems: source and id are what make it the same event when it comes again.
func idempotencyKey(e event.Event) string { return url.QueryEscape(e.Source + " " + e.ID) }

// payments is a client of an HTTP service.
type payments struct {
	url    string
	client *http.Client
}

type charge struct {
	OrderID  string          `json:"order_id"`
	Amount   schemas.Decimal `json:"amount"`
	Currency string          `json:"currency"`
}

// charge takes the money of an order, once for each key. The time is ctx's, which ends with the attempt.
func (p *payments) charge(ctx context.Context, secret, key string, order OrderCreated) error {
	body, err := json.Marshal(charge{order.OrderID, order.Amount, order.Currency})
	if err != nil {
		return processor.Permanent(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/charges", bytes.NewReader(body))
	if err != nil {
		return processor.Permanent(err)
	}
	req.Header.Set("Authorization", "Bearer "+secret)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", `"`+key+`"`)
	return p.do(req)
}

func (p *payments) check(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/health", nil)
	if err != nil {
		return err
	}
	return p.do(req)
}

// do sends a request. What the service will refuse again is permanent; the rest may be better in a moment.
func (p *payments) do(req *http.Request) error {
	resp, err := p.client.Do(req)
	if err != nil {
		return fmt.Errorf("ask payments: %w", err)
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection serves the next request
	if resp.StatusCode < 300 {
		return nil
	}
	err = fmt.Errorf("payments answers %s", resp.Status)
	switch resp.StatusCode {
	case http.StatusBadRequest, http.StatusPaymentRequired, http.StatusUnprocessableEntity:
		return processor.Permanent(err)
	}
	return err // 401 and 403, too: a secret may be about to be read again
}
