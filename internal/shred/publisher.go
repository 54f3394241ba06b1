package shred

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"event-processing-service/internal/event"
)

// Next is a publisher.
type Next interface {
	Publish(ctx context.Context, events []event.Event, transport ...event.Header) []event.Receipt
	Check(ctx context.Context) error
}

const (
	// keyTimeout is how long a request waits for the keys of its events. The store's own tries end before.
	keyTimeout = 4 * time.Second
	// lookUps are how many keys of one request are looked for at a time.
	lookUps = 16
)

// Publisher encrypts before next has the events. What can't be encrypted is not published.
func (r *Ring) Publisher(next Next) Next { return &sealing{next, r} }

// concerns tells whether Seal would do anything about the event.
func (r *Ring) concerns(e event.Event) bool { return r.types.Has(e.Type) || isReserved(&e) }

type sealing struct {
	Next
	ring *Ring
}

func (s *sealing) Publish(ctx context.Context, events []event.Event, transport ...event.Header) []event.Receipt {
	if !slices.ContainsFunc(events, s.ring.concerns) {
		return s.Next.Publish(ctx, events, transport...)
	}
	sealed := slices.Clone(events) // the caller's stay as they are
	errs := s.seal(ctx, sealed)
	receipts := make([]event.Receipt, len(events))
	ready := make([]event.Event, 0, len(events))
	for i, err := range errs {
		if err == nil {
			ready = append(ready, sealed[i])
			continue
		}
		if !errors.As(err, new(*event.InvalidError)) {
			err = &event.PublishError{Failure: event.FailureKeysUnavailable, Err: err}
		}
		receipts[i].Err = err
	}
	if len(ready) == 0 {
		return receipts
	}
	stored := s.Next.Publish(ctx, ready, transport...)
	for i := range receipts {
		if errs[i] == nil {
			receipts[i], stored = stored[0], stored[1:]
		}
	}
	return receipts
}

// seal encrypts each event, and looks for the keys of several at a time.
func (s *sealing) seal(ctx context.Context, events []event.Event) []error {
	errs := make([]error, len(events))
	ctx, cancel := context.WithTimeout(ctx, keyTimeout)
	defer cancel()
	var work sync.WaitGroup
	room := make(chan struct{}, lookUps)
	asked := map[string]bool{} // subjects that somebody is asking for
	var later []int
	for i := range events {
		e := &events[i]
		if _, there := s.ring.cached(name{subject: e.Subject}); there || !s.ring.types.Has(e.Type) || e.Subject == "" {
			errs[i] = s.ring.Seal(ctx, e)
			continue
		}
		if asked[e.Subject] {
			later = append(later, i)
			continue
		}
		asked[e.Subject] = true
		work.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			errs[i] = s.ring.Seal(ctx, e)
		})
	}
	work.Wait()
	for _, i := range later {
		errs[i] = s.ring.Seal(ctx, &events[i])
	}
	return errs
}
