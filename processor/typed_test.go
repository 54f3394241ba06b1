package processor

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"event-processing-service/internal/event"
	"event-processing-service/schemas"
)

type order struct {
	Number string    `json:"number"`
	Placed time.Time `json:"placed"`
	Lines  []line    `json:"lines"`
}

type line struct {
	SKU    string          `json:"sku"`
	N      int8            `json:"n"`
	Due    schemas.Date    `json:"due,omitzero"`
	Amount schemas.Decimal `json:"amount,omitzero"`
}

func TestATypedHandlerGetsTheDataDecoded(t *testing.T) {
	var got order
	var mux Mux
	On(&mux, "order.created", func(_ context.Context, e event.Event, o order) error {
		got = o
		if e.ID != "1" {
			t.Errorf("the event is %+v", e)
		}
		return nil
	})
	data := `{"number":"o-1","placed":"2026-01-31T12:00:00Z","lines":[{"sku":"A","n":2}],"later":true}`
	e := event.Event{ID: "1", Type: "order.created", Data: []byte(data)}
	if err := mux.handler(e.Type).Handle(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	want := order{
		Number: "o-1", Placed: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC), Lines: []line{{SKU: "A", N: 2}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("data (-want +got):\n%s", diff)
	}
}

func TestDataThatDoesNotFitIsADeadLetterAtOnceThatSaysWhere(t *testing.T) {
	for data, want := range map[string]string{
		`{"number":7}`:                  "read data at /number: want a string, not this number",
		`{"lines":[{"n":1},{"n":"x"}]}`: "read data at /lines/1/n: want a whole number (int8), not this string",
		`{"lines":[{"n":1},{"n":300}]}`: "read data at /lines/1/n: want a whole number (int8), not this number",
		`{"lines":{"secret":1}}`:        "read data at /lines: want an array, not an object",
		`{"placed":"31 January"}`:       "read data at /placed: want a time, such as 2026-01-31T12:00:00Z, not this string",
		`{"lines":[{"due":"secret"}]}`:  "read data at /lines/0/due: want a date, such as 2026-01-31, not this string",
		`{"lines":[{"amount":"7"}]}`:    "read data at /lines/0/amount: want a number of at most 100 digits",
		`[]`:                            "read data at its top: want an object, not an array",
		`{"number":"secret"`:            "read data at its top: invalid JSON at byte 18",
		`{"number":"a","number":"b"}`:   "read data at /number: invalid JSON at byte 14",
		`{"later":{"n":1,"n":2}}`:       "read data at /later/n: invalid JSON at byte 16",
		"":                              "read data: the event has none",
		"{\"number\":\"\xff\"}":         "read data at /number: invalid JSON at byte",
	} {
		r := newRig()
		On(&r.mux, "order.created", func(context.Context, event.Event, order) error {
			t.Errorf("the handler was called with %s", data)
			return nil
		})
		one := record(1, "k", "1", "order.created")
		one.Value = encode([]byte(data))
		if _, err := r.deliver(t.Context(), t, batchOf(one)); err != nil {
			t.Fatal(err)
		}
		o := r.outcome(t, "/test", "1")
		if o.Status != event.StatusDeadLettered || o.Attempts != 1 || !strings.HasPrefix(o.Reason, want) ||
			strings.Contains(o.Reason, "secret") {
			t.Errorf("%q ends as %+v, want %s", data, o, want)
		}
	}
}

// A schema that checks "placed" does not check "Placed".
func TestMembersWhoseNamesDifferInCaseDoNotReachATypedHandler(t *testing.T) {
	for data, want := range map[string]order{
		`{"Number":7,"PLACED":"31 January","Lines":{}}`: {},
		`{"number":"o-1","Number":"o-2","NUMBER":3}`:    {Number: "o-1"},
		`{"lines":[{"sku":"A","SKU":"B","N":300}]}`:     {Lines: []line{{SKU: "A"}}},
	} {
		got, err := decodeData[order](&event.Event{Data: []byte(data)})
		if err != nil {
			t.Errorf("%s gives %v", data, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", data, diff)
		}
	}
}

func TestDataThatIsNotJSONIsADeadLetterOfATypedHandler(t *testing.T) {
	e := event.Event{DataContentType: "text/plain; charset=utf-8", Data: []byte("{}")}
	_, err := decodeData[order](&e)
	if want := "read data: it is text/plain; charset=utf-8, want JSON"; err == nil || err.Error() != want {
		t.Errorf("it gives %v, want %s", err, want)
	}
}
