// Code generated from JSON Schemas; DO NOT EDIT.

package typegen_test

import (
	"time"

	"event-processing-service/schemas"
	"github.com/go-json-experiment/json/jsontext"
)

// OrderCreated is the data of order.created. A customer placed an order.
type OrderCreated struct {
	Address *OrderCreatedAddress `json:"address,omitzero"`
	Again   *OrderCreated        `json:"again,omitzero"`
	// In the currency
	Amount   schemas.Decimal `json:"amount"`
	Anything jsontext.Value  `json:"anything,omitzero"`
	Count    int64           `json:"count,omitzero"`
	// One of EUR, USD
	Currency string                     `json:"currency,omitzero"`
	Due      schemas.Date               `json:"due"`
	Either   jsontext.Value             `json:"either,omitzero"`
	Lines    []OrderCreatedLinesItem    `json:"lines"`
	More     map[string]jsontext.Value  `json:"more,omitzero"`
	Note     *string                    `json:"note,omitzero"`
	OrderID  string                     `json:"order_id"`
	Paid     bool                       `json:"paid,omitzero"`
	Parent   OrderCreatedAddress        `json:"parent"`
	PlacedAt time.Time                  `json:"placed_at,omitzero"`
	Prices   map[string]schemas.Decimal `json:"prices,omitzero"`
}

// OrderCreatedAddress is part of OrderCreated.
type OrderCreatedAddress struct {
	City string `json:"city,omitzero"`
}

// OrderCreatedLinesItem is part of OrderCreated.
type OrderCreatedLinesItem struct {
	SKU  string           `json:"sku,omitzero"`
	Tags []jsontext.Value `json:"tags,omitzero"`
}
