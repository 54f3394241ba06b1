package handlers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"event-processing-service/internal/event"
	"event-processing-service/processor"
	"event-processing-service/processor/processortest"
)

type Order struct {
	SKU      string `json:"sku"`
	Quantity int    `json:"quantity"`
}

// registerShop is what docs/handlers.md shows: a handler with a variable, a secret and a call over HTTPS.
func registerShop(ctx context.Context, mux *processor.Mux, deps *processor.Deps) (func(), error) {
	address, err := deps.Env("SHOP_URL")
	if err != nil {
		return nil, err // the program does not start
	}
	if _, err := deps.Secret(ctx, "SHOP_KEY"); err != nil {
		return nil, err // now, and not at the first order
	}
	client := &http.Client{Transport: transport}

	reserve := func(ctx context.Context, e event.Event, order Order) error {
		key, err := deps.Secret(ctx, "SHOP_KEY") // each time: it may have been rotated
		if err != nil {
			return err
		}
		body, err := json.Marshal(order)
		if err != nil {
			return processor.Permanent(err)
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, address+"/reservations", bytes.NewReader(body))
		if err != nil {
			return processor.Permanent(err)
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Authorization", "Bearer "+key)
		request.Header.Set("Idempotency-Key", strconv.QuoteToASCII(e.Source+" "+e.ID)) // repeated, it is dropped
		answer, err := client.Do(request)
		if err != nil {
			return err // it will be tried again
		}
		defer answer.Body.Close()
		switch {
		case answer.StatusCode == http.StatusUnprocessableEntity:
			return processor.Permanent(errors.New("the shop refuses the order")) // no retry changes that
		case answer.StatusCode >= 300:
			return fmt.Errorf("the shop answers %s", answer.Status)
		}
		return nil
	}
	processor.On(mux, "order.created", reserve, processor.Timeout(3*time.Second), processor.Concurrency(8))
	return client.CloseIdleConnections, nil
}

// transport is how the handler reaches the shop; nil is the network.
var transport http.RoundTripper

// shop is the other system: it reserves once for each key, and knows who may.
type shop struct{ reserved map[string]int }

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	switch {
	case err != nil || r.URL.String() != "https://shop.example.com/reservations":
		w.WriteHeader(http.StatusNotFound)
	case r.Header.Get("Authorization") != "Bearer hush":
		w.WriteHeader(http.StatusUnauthorized)
	case strings.Contains(string(body), `"quantity":0`):
		w.WriteHeader(http.StatusUnprocessableEntity)
	default:
		s.reserved[r.Header.Get("Idempotency-Key")] = 1
		w.WriteHeader(http.StatusCreated)
	}
}

func TestAnOrderIsReservedOnceInTheShop(t *testing.T) {
	s := &shop{reserved: map[string]int{}}
	transport = processortest.Service{Handler: s}
	t.Cleanup(func() { transport = nil })
	order := event.Event{ID: "o-1", Source: "/shop", Type: "order.created", DataContentType: "application/json",
		Data: []byte(`{"sku":"A-1","quantity":2}`)}
	processortest.Run(t, registerShop, func(k *processortest.Kit) {
		k.Env = map[string]string{"SHOP_URL": "https://shop.example.com", "SHOP_KEY": "hush"}
		k.ExpectOnce(order, func(id string) int { return s.reserved[strconv.Quote("/shop "+id)] })

		refused := order
		refused.ID, refused.Data = "o-2", []byte(`{"sku":"A-1","quantity":0}`)
		k.Deliver(refused)
		k.ExpectDeadLetter(refused, "the shop refuses the order")

		k.Env["SHOP_KEY"] = "old" // the key of another process
		late := order
		late.ID = "o-3"
		k.Deliver(late)
		k.ExpectDeadLetter(late, "the shop answers 401 Unauthorized")
	})
}

func TestWithoutItsVariableOrItsSecretTheProgramDoesNotStart(t *testing.T) {
	for missing, want := range map[string]string{
		"SHOP_URL": "SHOP_URL is not set", "SHOP_KEY": "secret SHOP_KEY is not set",
	} {
		deps := &processor.Deps{Lookup: func(name string) (string, bool) {
			if name == missing {
				return "", false
			}
			return "x", true
		}}
		_, err := registerShop(t.Context(), &processor.Mux{}, deps)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("without %s it ends with %v", missing, err)
		}
	}
}
