// Code generated from JSON Schemas; DO NOT EDIT.

package orders

import (
	"event-processing-service/schemas"
)

// NotificationRequested is the data of notification.requested. Somebody is to be told of an order.
type NotificationRequested struct {
	Delivery  schemas.Date `json:"delivery,omitzero"`
	OrderID   string       `json:"order_id"`
	Recipient string       `json:"recipient"`
}

// OrderCreated is the data of order.created. A customer placed an order.
type OrderCreated struct {
	Amount schemas.Decimal `json:"amount"`
	// ISO 4217.
	Currency string                  `json:"currency"`
	Lines    []OrderCreatedLinesItem `json:"lines"`
	OrderID  string                  `json:"order_id"`
}

// OrderCreatedLinesItem is part of OrderCreated.
type OrderCreatedLinesItem struct {
	Quantity int64  `json:"quantity"`
	SKU      string `json:"sku"`
}

// OrderPaid is the data of order.paid. The payment service took the money of an order.
type OrderPaid struct {
	Amount schemas.Decimal `json:"amount"`
	// ISO 4217.
	Currency string `json:"currency"`
	OrderID  string `json:"order_id"`
}

// OrderShipped is the data of order.shipped. An order left the warehouse.
type OrderShipped struct {
	// When it is expected.
	Delivery schemas.Date `json:"delivery,omitzero"`
	OrderID  string       `json:"order_id"`
	// Who asked to be told.
	Tell []string `json:"tell"`
}
