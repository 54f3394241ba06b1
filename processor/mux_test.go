package processor

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"event-processing-service/internal/event"
)

func named(name string) Handler {
	return HandlerFunc(func(context.Context, event.Event) error { return errors.New(name) })
}

func TestTheMostExactPatternTakesAnEvent(t *testing.T) {
	var m Mux
	for _, pattern := range []string{"order.*", "order.created", "order.item.*", "order.item.x.*", "a.*"} {
		m.Handle(pattern, named(pattern))
	}
	find := func(eventType string) string {
		h := m.handler(eventType)
		if h == nil {
			return ""
		}
		return h.Handle(t.Context(), event.Event{}).Error()
	}
	for eventType, want := range map[string]string{
		"order.created": "order.created", "order.created.late": "order.*", "order.paid": "order.*",
		"order.item.added": "order.item.*",
		"order.item.x.y":   "order.item.x.*", "order.": "order.*", "order": "", "orders.created": "",
		"Order.created": "", "": "",
	} {
		if got := find(eventType); got != want {
			t.Errorf("%q goes to %q, want %q", eventType, got, want)
		}
	}
	m.Default(named("default"))
	for eventType, want := range map[string]string{"order.paid": "order.*", "order": "default"} {
		if got := find(eventType); got != want {
			t.Errorf("with a default, %q goes to %q, want %q", eventType, got, want)
		}
	}
}

func TestAPatternThatCannotBeMeantPanics(t *testing.T) {
	for _, pattern := range []string{"", "*", ".*", "order*", "or*der", "*.created", "taken", "taken.*"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("pattern %q was taken", pattern)
				}
			}()
			var m Mux
			m.Handle("taken", named(""))
			m.Handle("taken.*", named(""))
			m.Handle(pattern, named(""))
		}()
	}
	defer func() {
		if recover() == nil {
			t.Error("a nil handler was taken")
		}
	}()
	new(Mux).Handle("a", nil)
}

func TestAPermanentErrorIsFoundHoweverWrapped(t *testing.T) {
	cause := errors.New("cause")
	err := fmt.Errorf("charge card: %w", Permanent(cause))
	if !isPermanent(err) || !errors.Is(err, cause) || err.Error() != "charge card: cause" {
		t.Errorf("%v is permanent: %t, is its cause: %t", err, isPermanent(err), errors.Is(err, cause))
	}
	if isPermanent(cause) || isPermanent(nil) || Permanent(nil) != nil {
		t.Error("an error that nobody marked, or none, is permanent")
	}
}
