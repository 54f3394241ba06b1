package schemas

import (
	"errors"
	"fmt"
	"math/big"
	"time"
)

// Date is a day without a time, as format "date" has it: in no time zone, so that it is the same day everywhere.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// String is the date as RFC 3339 writes it: 2026-01-31.
func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day) }

// Expectation is what a handler's dead letter says of something else in its place.
func (Date) Expectation() string { return "a date, such as 2026-01-31" }

// MarshalText writes String.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText refuses what is no date of the calendar.
func (d *Date) UnmarshalText(text []byte) error {
	t, err := time.Parse(time.DateOnly, string(text))
	if err != nil {
		return errors.New("want " + d.Expectation())
	}
	d.Year, d.Month, d.Day = t.Date()
	return nil
}

// Decimal is a number of JSON, digit for digit: 0.10 of an amount is not what a float64 makes of it. The zero value is
// 0.
type Decimal string

// Rat is its exact value.
func (d Decimal) Rat() *big.Rat {
	r, ok := new(big.Rat).SetString(string(d))
	if !ok {
		return new(big.Rat)
	}
	return r
}

// Expectation is what a handler's dead letter says of something else in its place.
func (Decimal) Expectation() string {
	return fmt.Sprintf("a number of at most %d digits and an exponent from -%d to %d", maxDigits, maxExponent, maxExponent)
}

// MarshalJSON writes the digits.
func (d Decimal) MarshalJSON() ([]byte, error) {
	if d == "" {
		return []byte("0"), nil
	}
	return []byte(d), nil
}

// UnmarshalJSON refuses what is no number, or one whose arithmetic would cost the machine.
func (d *Decimal) UnmarshalJSON(text []byte) error {
	if c := text[0]; c != '-' && (c < '0' || c > '9') || !bounded(string(text)) {
		return errors.New("want " + d.Expectation())
	}
	*d = Decimal(text)
	return nil
}
