package schemas

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// What a number may be in data that is held against a schema. Numbers are compared exactly, which for 1e999999 is work
// on a million digits: nine bytes of a request must not cost milliseconds. A float64 has at most 17 digits that count,
// and an exponent from -324 to 308; decimal128 has 34 digits.
const (
	maxDigits   = 100 // with a sign and a point
	maxExponent = 400
)

// unreadable looks at data before it is validated: it must be JSON in which each member has one value, as the handler
// might read the other one, and its numbers must be bounded. It takes a few nanoseconds a byte, whatever is in it.
func unreadable(data []byte) []Violation {
	d := jsontext.NewDecoder(bytes.NewBuffer(data))
	for {
		token, err := d.ReadToken()
		switch {
		case errors.Is(err, io.EOF) && d.InputOffset() > 0:
			return nil
		case errors.Is(err, jsontext.ErrDuplicateName):
			return []Violation{demand(pointerOf(err), "a name must not occur more than once")}
		case err != nil:
			return []Violation{demand(pointerOf(err), "data must be valid JSON")}
		case token.Kind() == '0' && !bounded(token.String()):
			return []Violation{demand(string(d.StackPointer()), "a number must have at most "+strconv.Itoa(maxDigits)+
				" digits and an exponent from -"+strconv.Itoa(maxExponent)+" to "+strconv.Itoa(maxExponent))}
		case d.StackDepth() == 0:
			if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
				return []Violation{demand("", "data must be one JSON value")}
			}
			return nil
		}
	}
}

func pointerOf(err error) string {
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) {
		return string(syntactic.JSONPointer)
	}
	return ""
}

func bounded(number string) bool {
	mantissa, exponent, has := strings.Cut(strings.ToLower(number), "e")
	if len(mantissa) > maxDigits {
		return false
	}
	if !has {
		return true
	}
	n, err := strconv.Atoi(exponent)
	return err == nil && -maxExponent <= n && n <= maxExponent
}

// maxText is how long a text of a violation may be: it repeats names and values of the data.
const maxText = 256

func brief(s string) string {
	if len(s) <= maxText {
		return s
	}
	const dots = "…"
	return strings.ToValidUTF8(s[:maxText-len(dots)], "") + dots
}
