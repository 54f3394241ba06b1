package processor

import (
	"context"

	"event-processing-service/internal/event"
)

// Begin, Renew, Finish and Release are the store. With a fault, either the call does nothing or its answer is lost.
func (w *world) Begin(ctx context.Context, c event.Claim) (event.Reply, error) {
	if w.storeFaults && w.happens(3, "begin fails", c.Identity) {
		return event.Reply{}, errStore
	}
	reply, err := w.mem.Begin(ctx, c)
	if w.storeFaults && w.happens(3, "begin is lost", c.Identity) {
		return event.Reply{}, errStore
	}
	return reply, err
}

func (w *world) Renew(ctx context.Context, c event.Claim) (event.Reply, error) {
	reply, err := w.mem.Renew(ctx, c)
	if w.storeFaults && w.happens(3, "renew is lost", c.Identity) {
		return event.Reply{}, errStore
	}
	return reply, err
}

func (w *world) Release(ctx context.Context, c event.Claim, attempts int, reason string) error {
	if w.storeFaults && w.happens(3, "release fails", c.Identity) {
		return errStore
	}
	err := w.mem.Release(ctx, c, attempts, reason)
	if w.storeFaults && w.happens(3, "release is lost", c.Identity) {
		return errStore
	}
	return err
}

func (w *world) Finish(ctx context.Context, c event.Claim, o event.Outcome) (event.Reply, error) {
	fault := func(what string) bool {
		return w.storeFaults && w.happens(3, what, c.Identity)
	}
	if fault("finish fails") {
		return event.Reply{}, errStore
	}
	w.checkOrder("end", o.Partition, o.Offset)
	reply, err := w.mem.Finish(ctx, c, o)
	if reply.Answer == event.Written && o.Status == event.StatusProcessed && c.Last.Version == 0 {
		w.mu.Lock()
		w.recorded[c.Identity]++
		w.mu.Unlock()
	}
	if fault("finish is lost") {
		return event.Reply{}, errStore
	}
	return reply, err
}
