package shred

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"event-processing-service/internal/event"
)

// kept is a publisher that keeps what it has.
type kept struct{ events []event.Event }

func (k *kept) Publish(_ context.Context, events []event.Event, _ ...event.Header) (receipts []event.Receipt) {
	for _, e := range events {
		receipts = append(receipts, event.Receipt{Place: event.Place{Offset: int64(len(k.events))}})
		k.events = append(k.events, e)
	}
	return receipts
}

func (*kept) Check(context.Context) error { return nil }

func TestABatchIsPublishedEncryptedAndEachEventHasItsOwnReceipt(t *testing.T) {
	r, next := newTestRing(t), &kept{}
	var events []event.Event
	for i := range 50 {
		events = append(events, order(strconv.Itoa(i), "s"+strconv.Itoa(i%7)))
	}
	events[3].Subject = ""
	events[5].Type = "other"
	receipts := r.Publisher(next).Publish(t.Context(), events)
	for i, receipt := range receipts {
		if i == 3 {
			if !errors.As(receipt.Err, new(*event.InvalidError)) {
				t.Errorf("the event without a subject: %v", receipt.Err)
			}
			continue
		}
		if receipt.Err != nil {
			t.Fatal(receipt.Err)
		}
		stored := next.events[receipt.Offset]
		if stored.ID != events[i].ID || stored.IsSealed() != (i != 5) || events[i].IsSealed() {
			t.Errorf("event %d is stored as %+v", i, stored)
		}
	}
	if len(next.events) != 49 {
		t.Errorf("%d are published", len(next.events))
	}
}

func TestWithoutItsKeyAnEventIsNotPublishedAndMayBeSentAgain(t *testing.T) {
	store := &counting{Store: NewFolder(t.TempDir()), away: errors.New("away")}
	next := &kept{}
	p := NewRing(store, Types{"order.*"}, time.Minute).Publisher(next)
	receipts := p.Publish(t.Context(), []event.Event{order("1", "ada"), order("2", "ada")})
	for _, receipt := range receipts {
		if event.FailureOf(receipt.Err) != event.FailureKeysUnavailable {
			t.Errorf("the failure is %v", receipt.Err)
		}
	}
	if len(next.events) > 0 {
		t.Errorf("published is %v", next.events)
	}
}
