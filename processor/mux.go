package processor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"event-processing-service/internal/event"
	"event-processing-service/internal/payload"
)

// Handler acts on one event.
//
// It is called at least once: again after an error, a panic or a time-out, and after the process died between the
// handler's effect and the store's write. So repeating the effect must be harmless. Either it is harmless by nature
// (set a value, put an object under the event's id), or the handler passes the event's identity to the system that has
// the effect, as an idempotency key or as the condition of a write; see the example of Mux.
//
// The handler must return soon after its context ends. If it does not, it is abandoned: the event counts as failed,
// and its next attempt or the next event of its key may begin while the handler still runs.
//
// It must not end the process: that would cost every event that is being handled an attempt.
//
// It may keep and change the event's data, which is its own copy.
type Handler interface {
	Handle(ctx context.Context, e event.Event) error
}

// HandlerFunc makes a Handler of a function.
type HandlerFunc func(ctx context.Context, e event.Event) error

// Handle calls f.
func (f HandlerFunc) Handle(ctx context.Context, e event.Event) error { return f(ctx, e) }

// Mux finds the handler of an event by its type. The zero Mux has no handlers; all events are then only recorded in
// the store.
//
// Register everything before the first event: Mux is not safe for registering while it is in use.
type Mux struct {
	exact     map[string]*registration
	prefixes  []prefix // longest first
	fallback  *registration
	unordered bool // one of the handlers is unordered
}

type prefix struct {
	of      string
	handler *registration
}

// Handle registers h for the events of one type, or, where the pattern ends in ".*", of all types below it: "order.*"
// takes "order.created" and "order.item.added", not "order". An exact type goes before a pattern, a longer pattern
// before a shorter one. Like http.ServeMux it panics on a pattern that is empty or registered already, and on a nil
// handler.
func (m *Mux) Handle(pattern string, h Handler, options ...Option) {
	r := m.register(pattern, h, options)
	if below, ok := strings.CutSuffix(pattern, "*"); ok && len(below) > 1 && strings.HasSuffix(below, ".") {
		m.handlePrefix(below, r)
		return
	}
	if pattern == "" || strings.Contains(pattern, "*") {
		panic(fmt.Sprintf("processor: pattern %q is neither an event type nor one with .* at its end", pattern))
	}
	if m.exact[pattern] != nil {
		panic("processor: two handlers for " + pattern)
	}
	if m.exact == nil {
		m.exact = map[string]*registration{}
	}
	m.exact[pattern] = r
}

func (m *Mux) register(pattern string, h Handler, options []Option) *registration {
	if h == nil {
		panic("processor: nil handler for " + pattern)
	}
	r := &registration{Handler: h}
	for _, option := range options {
		option(r)
	}
	m.unordered = m.unordered || r.unordered
	return r
}

func (m *Mux) handlePrefix(below string, r *registration) {
	at := len(m.prefixes)
	for i, p := range m.prefixes {
		if p.of == below {
			panic("processor: two handlers for " + below + "*")
		}
		if len(below) > len(p.of) && i < at {
			at = i
		}
	}
	m.prefixes = slices.Insert(m.prefixes, at, prefix{of: below, handler: r})
}

// HandleFunc registers f like Handle.
func (m *Mux) HandleFunc(pattern string, f func(ctx context.Context, e event.Event) error, options ...Option) {
	m.Handle(pattern, HandlerFunc(f), options...)
}

// Default registers h for every event that no pattern matches. Without it such an event is only recorded in the store,
// exactly once.
func (m *Mux) Default(h Handler, options ...Option) { m.fallback = m.register("all types", h, options) }

// handler returns nil if the event is only to be recorded.
func (m *Mux) handler(eventType string) *registration {
	if r := m.exact[eventType]; r != nil {
		return r
	}
	for _, p := range m.prefixes {
		if strings.HasPrefix(eventType, p.of) {
			return p.handler
		}
	}
	return m.fallback
}

// waitsForNobody tells whether the record's type has a handler that needs no order. It does not read the type of
// structured events, which is in their value: they keep their order.
func (m *Mux) waitsForNobody(r *payload.Record) bool {
	if !m.unordered {
		return false
	}
	for _, h := range r.Headers {
		if h.Key == "ce_type" {
			handler := m.handler(string(h.Value))
			return handler != nil && handler.unordered
		}
	}
	return false
}

// Permanent marks an error that a retry can't fix: the event becomes a dead letter at once. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

type permanentError struct{ error }

func (e *permanentError) Unwrap() error { return e.error }

func isPermanent(err error) bool {
	var permanent *permanentError
	return errors.As(err, &permanent)
}
