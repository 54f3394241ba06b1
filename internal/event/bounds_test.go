package event_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"event-processing-service/internal/event"
)

func TestAnEventOf64KiBIsTaken(t *testing.T) {
	body := structured(change{"data", `"` + strings.Repeat("x", 64<<10) + `"`})
	if e := mustParse(t, body); len(e.Data) != 64<<10+2 {
		t.Errorf("data is of %d bytes", len(e.Data))
	}
}

func TestExtensionsAreBounded(t *testing.T) {
	changes := make([]change, 128)
	for i := range changes {
		changes[i] = change{fmt.Sprint("x", i), `1`}
	}
	if e := mustParse(t, structured(changes...)); len(e.Extensions) != 128 {
		t.Errorf("has %d extensions", len(e.Extensions))
	}
	_, err := event.ParseStructured(structured(append(changes, change{"last", `1`})...))
	wantFaults(t, err, "/last", "128 is the limit")
	_, err = event.ParseBinary("", headers(append(changes, change{"ce-last", ""})...), nil)
	if err != nil {
		t.Errorf("headers without the prefix were counted: %v", err)
	}
	for i := range changes {
		changes[i] = change{fmt.Sprint("ce_x", i), "1"}
	}
	_, err = event.FromRecord(record(append(changes, change{"ce_last", "1"})...))
	wantFaults(t, err, "ce_last", "128 is the limit")
}

// A body of 4 MiB has room for half a million names or faults. Its cost must not grow with the square of their number,
// and the answer must not be a multiple of the body.
func TestABodyFullOfFaultsIsRefusedAtOnceAndBriefly(t *testing.T) {
	many := func(member string, n int) []byte {
		var b bytes.Buffer
		for i := range n {
			fmt.Fprintf(&b, member, i)
		}
		return append(b.Bytes(), `"data":1}`...)
	}
	for _, member := range []string{`"x%d":1,`, `"X%d":1,`, `"x%d":{},`} {
		_, err := event.ParseStructured(append([]byte("{"), many(member, 300_000)...))
		var invalid *event.InvalidError
		if !errors.As(err, &invalid) || len(invalid.Fields) == 0 || len(invalid.Fields) > 16 {
			t.Errorf("%s: %d faults in %T", member, len(invalid.Fields), err)
		}
	}
}

// Errors repeat what a client wrote, so they must shorten it.
func TestAnErrorSaysALongNameBriefly(t *testing.T) {
	long := strings.Repeat("<~/", 1<<20)
	_, structuredErr := event.ParseStructured(structured(change{long, `1`}))
	_, cutErr := event.ParseStructured(structured(change{"data", `{"` + long + `":{"` + long + `":"\ud800"}}`}))
	_, binaryErr := event.ParseBinary("", headers(change{"ce-" + long, "1"}), nil)
	_, recordErr := event.FromRecord(record(change{"ce_" + long, "1"}))
	_, mediaErr := event.DetectMode(long, false)
	_, formatErr := event.DetectMode("application/cloudevents+"+strings.Repeat("x", 1<<20), false)
	_, charsetErr := event.DetectMode("application/json;charset="+strings.Repeat("x", 1<<20), false)
	for _, err := range []error{structuredErr, cutErr, binaryErr, recordErr, mediaErr, formatErr, charsetErr} {
		if err == nil {
			t.Fatal("is taken")
		}
		if len(err.Error()) > 1000 {
			t.Errorf("an error of %d bytes: %.100s", len(err.Error()), err)
		}
	}
}
