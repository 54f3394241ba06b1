// Code generated from JSON Schemas; DO NOT EDIT.

package schemas

import (
	"time"
)

// CurrentTimeRequested is the data of current_time.requested. Somebody asked for the time at GET
// /current_time.
type CurrentTimeRequested struct {
	ID      string `json:"id"`
	Message string `json:"message"`
	// Unix time in seconds
	Timestamp int64  `json:"timestamp"`
	User      string `json:"user"`
}

// OrderPlaced is the data of order.placed. A customer placed an order. An example to start from: replace it
// with the types of your own.
type OrderPlaced struct {
	// In the currency's smallest unit
	Amount int64 `json:"amount"`
	// ISO 4217
	Currency string    `json:"currency"`
	OrderID  string    `json:"order_id"`
	PlacedAt time.Time `json:"placed_at,omitzero"`
}
