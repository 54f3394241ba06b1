package shred

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/quick"
	"time"

	"github.com/google/go-cmp/cmp"

	"event-processing-service/internal/event"
)

func order(id, subject string) event.Event {
	return event.Event{ID: id, Source: "/orders", Type: "order.created", Subject: subject,
		DataContentType: "application/json", Data: []byte(`{"name":"Ada"}`),
		Extensions: []event.Extension{{Name: "partitionkey", Value: "k"}}}
}

func newTestRing(t *testing.T) *Ring {
	t.Helper()
	return NewRing(NewFolder(t.TempDir()), Types{"order.*"}, time.Minute)
}

func mustSeal(t *testing.T, r *Ring, e event.Event) event.Event {
	t.Helper()
	if err := r.Seal(t.Context(), &e); err != nil {
		t.Fatal(err)
	}
	return e
}

func TestEncryptedDataIsNotToBeSeenAndComesBackByteForByte(t *testing.T) {
	r := newTestRing(t)
	f := func(id, subject, extension string, data []byte, typed bool) bool {
		e := order("i"+hashOf(id), "s"+hashOf(subject))
		e.Extensions[0].Value = "k" + hashOf(extension)
		e.Data = append([]byte{}, data...)
		if !typed {
			e.DataContentType = ""
		}
		before := e
		sealed := e
		if err := r.Seal(t.Context(), &sealed); err != nil {
			t.Error(err)
			return false
		}
		if len(data) > 8 && strings.Contains(string(sealed.Data), string(data)) || !sealed.IsSealed() ||
			sealed.HasJSONData() || len(sealed.Data) != len(data)+28 || cmp.Diff(before, e) != "" {
			return false
		}
		// as it travels
		record := event.Record{Value: sealed.Data}
		record.Headers, _ = event.AppendHeaders[event.Header](nil, nil, &sealed)
		read, err := event.FromRecord(&record)
		if err != nil || r.Open(t.Context(), &read) != nil {
			return false
		}
		return cmp.Diff(e, read) == ""
	}
	if err := quick.Check(f, &quick.Config{MaxCount: 200}); err != nil {
		t.Error(err)
	}
}

func TestWhateverIsChangedOfAnEventItsDataIsNotDecrypted(t *testing.T) {
	r := newTestRing(t)
	sealed := mustSeal(t, r, order("1", "ada"))
	mustSeal(t, r, order("1", "eve"))
	for name, change := range map[string]func(e *event.Event){
		"id": func(e *event.Event) { e.ID = "2" }, "source": func(e *event.Event) { e.Source = "/other" },
		"type": func(e *event.Event) { e.Type = "order.paid" }, "subject": func(e *event.Event) { e.Subject = "eve" },
		"media type":  func(e *event.Event) { e.Extensions[3].Value = "text/html" },
		"algorithm":   func(e *event.Event) { e.Extensions[2].Value = "none" },
		"key":         func(e *event.Event) { e.Extensions[1].Value = "0" },
		"data":        func(e *event.Event) { e.Data[rand.IntN(len(e.Data))] ^= 1 },
		"data's end":  func(e *event.Event) { e.Data = e.Data[:len(e.Data)-1] },
		"all of data": func(e *event.Event) { e.Data = nil },
	} {
		e := sealed
		e.Data = append([]byte(nil), e.Data...)
		e.Extensions = append([]event.Extension(nil), e.Extensions...)
		change(&e)
		if err := r.Open(t.Context(), &e); !errors.Is(err, event.ErrNoKey) {
			t.Errorf("with another %s: %v", name, err)
		}
	}
}

func TestWhatCanNotBeEncryptedIsRefusedAndWhatIsNotMarkedIsLeft(t *testing.T) {
	r := newTestRing(t)
	for name, c := range map[string]struct {
		change func(e *event.Event)
		sealed bool
		says   string
	}{
		"marked":       {func(*event.Event) {}, true, ""},
		"another type": {func(e *event.Event) { e.Type = "orders" }, false, ""},
		"no data":      {func(e *event.Event) { e.Data = nil }, false, ""},
		"no subject":   {func(e *event.Event) { e.Subject = "" }, false, "/subject"},
		"the service's own attribute": {func(e *event.Event) {
			e.Type, e.Extensions = "other", []event.Extension{{Name: event.AttrDataType, Value: "x"}}
		}, false, "/datakeyid"},
		"as many extensions as there may be": {func(e *event.Event) {
			for len(e.Extensions) < 128 {
				e.Extensions = append(e.Extensions, event.Extension{Name: "x" + strings.Repeat("y", len(e.Extensions)), Value: "v"})
			}
		}, false, "extension"},
	} {
		e := order("1", "ada")
		c.change(&e)
		err := r.Seal(t.Context(), &e)
		if c.says == "" && (err != nil || e.IsSealed() != c.sealed) {
			t.Errorf("%s: it is encrypted: %v (%v)", name, e.IsSealed(), err)
		}
		if c.says != "" && (!errors.As(err, new(*event.InvalidError)) || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v, want %s in it", name, err, c.says)
		}
	}
}

// counting is a store that counts, and can be away.
type counting struct {
	Store
	asked int
	away  error
}

func (c *counting) Current(ctx context.Context, subject string) (Key, error) {
	c.asked++
	if c.away != nil {
		return Key{}, c.away
	}
	return c.Store.Current(ctx, subject)
}

func (c *counting) Find(ctx context.Context, subject, id string) (Key, error) {
	c.asked++
	if c.away != nil {
		return Key{}, c.away
	}
	return c.Store.Find(ctx, subject, id)
}

func TestAKeyIsReadAgainWhenItIsOldSoThatADeletedOneIsNotUsedForLong(t *testing.T) {
	store := &counting{Store: NewFolder(t.TempDir())}
	r := NewRing(store, Types{"order.created"}, time.Minute)
	now := time.Now()
	r.now = func() time.Time { return now }
	sealed := mustSeal(t, r, order("1", "ada"))
	mustSeal(t, r, order("2", "ada"))
	if store.asked != 1 {
		t.Errorf("the store was asked %d times for one key", store.asked)
	}
	open := func() error { e := sealed; return r.Open(t.Context(), &e) }
	if err := open(); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Forget(t.Context(), "ada"); err != nil {
		t.Fatal(err)
	}
	now = now.Add(59 * time.Second)
	if err := open(); err != nil {
		t.Errorf("before its time is over: %v", err)
	}
	now = now.Add(2 * time.Second)
	if err := open(); !errors.Is(err, event.ErrForgotten) {
		t.Errorf("after a minute: %v", err)
	}
	later := mustSeal(t, r, order("3", "ada"))
	if later.Extension(event.AttrDataKey) == sealed.Extension(event.AttrDataKey) {
		t.Error("the next event is encrypted with the deleted key")
	}
	if err := r.Open(t.Context(), &later); err != nil {
		t.Errorf("the new key: %v", err)
	}
}

func TestTheRingRemembersNoMoreKeysThanItMay(t *testing.T) {
	r := newTestRing(t)
	r.size = 3
	for _, subject := range []string{"a", "b", "c", "d", "e"} {
		mustSeal(t, r, order("1", subject))
	}
	if len(r.known) != 3 {
		t.Errorf("it remembers %d keys", len(r.known))
	}
}

func TestWhileTheStoreIsAwayNothingIsEncryptedNorRememberedAsForgotten(t *testing.T) {
	away := errors.New("away")
	store := &counting{Store: NewFolder(t.TempDir())}
	sealed := mustSeal(t, NewRing(store, Types{"order.*"}, time.Minute), order("1", "ada"))
	r := NewRing(store, Types{"order.*"}, time.Minute)
	store.away = away
	e, plain := sealed, order("2", "ada")
	if err := r.Open(t.Context(), &e); !errors.Is(err, away) {
		t.Errorf("open: %v", err)
	}
	if err := r.Seal(t.Context(), &plain); !errors.Is(err, away) || plain.IsSealed() {
		t.Errorf("seal: %v", err)
	}
	store.away = nil
	if err := r.Open(t.Context(), &e); err != nil || string(e.Data) != `{"name":"Ada"}` {
		t.Errorf("once it is back: %v", err)
	}
}
