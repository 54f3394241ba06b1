package processor_test

import (
	"context"
	"fmt"

	"event-processing-service/internal/event"
	"event-processing-service/processor"
)

type placedV1 struct {
	Cents int64 `json:"cents"`
}

type placed struct {
	Cents    int64  `json:"cents"`
	Currency string `json:"currency"`
}

// Kafka still has events of the first version, without a currency.
func ExampleUpcast() {
	var mux processor.Mux
	handle := func(_ context.Context, _ event.Event, order placed) error {
		fmt.Println(order.Cents, order.Currency)
		return nil
	}
	inEuros := processor.Upcast("/order.placed/1", func(old placedV1) (placed, error) {
		return placed{Cents: old.Cents, Currency: "EUR"}, nil
	})
	processor.On(&mux, "order.placed", handle, inEuros)
}
