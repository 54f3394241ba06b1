package shred

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"event-processing-service/internal/event"
)

// cacheSize is the most keys that a Ring remembers, of about 1 kB each.
const cacheSize = 10_000

// Ring encrypts and decrypts data with the keys of a store, of which it remembers some. It is safe for concurrent use.
type Ring struct {
	store Store
	types Types
	keep  time.Duration
	size  int
	now   func() time.Time

	mu    sync.Mutex
	known map[name]known
}

// name is that of a key; id "" is the subject's current one.
type name struct{ subject, id string }

type known struct {
	key   string
	aead  cipher.AEAD // nil: the key is forgotten
	until time.Time
}

// NewRing returns a Ring that encrypts the data of events of these types, and decrypts that of all. It uses a key for
// as long as keep after it was read, so a deleted one, too.
func NewRing(store Store, types Types, keep time.Duration) *Ring {
	return &Ring{store: store, types: types, keep: keep, size: cacheSize, now: time.Now, known: map[name]known{}}
}

// Seals tells whether the data of a type is encrypted.
func (r *Ring) Seals(eventType string) bool { return r.types.Has(eventType) }

// Seal encrypts the event's data where its type is to be and where it has any. The error is an *event.InvalidError for
// an event that can't be, such as one without a subject, or else that of the store. The event is then not to be
// published.
func (r *Ring) Seal(ctx context.Context, e *event.Event) error {
	switch {
	case isReserved(e):
		return errReserved
	case !r.types.Has(e.Type) || e.Data == nil:
		return nil
	case e.Subject == "":
		return errNoSubject
	}
	k, err := r.get(ctx, name{subject: e.Subject})
	if err != nil {
		return err
	}
	return seal(e, k.aead, k.key)
}

// isReserved tells whether the event has an attribute that Seal adds.
func isReserved(e *event.Event) bool {
	return slices.ContainsFunc(e.Extensions, func(x event.Extension) bool {
		return x.Name == event.AttrDataKey || x.Name == event.AttrDataAlgorithm || x.Name == event.AttrDataType
	})
}

// Open decrypts the event's data, if it is encrypted. The error wraps event.ErrForgotten where the subject was
// forgotten, event.ErrNoKey where no retry helps, and is else that of the store.
func (r *Ring) Open(ctx context.Context, e *event.Event) error {
	if !e.IsSealed() {
		return nil
	}
	if a := e.Extension(event.AttrDataAlgorithm); a != algorithm {
		return fmt.Errorf("%w: decrypt data: %w: %s", event.ErrNoKey, errAlgorithm, event.Shorten(a))
	}
	k, err := r.get(ctx, name{e.Subject, e.Extension(event.AttrDataKey)})
	if err != nil {
		return err
	}
	if k.aead == nil {
		return event.ErrForgotten
	}
	return unseal(e, k.aead)
}

func (r *Ring) get(ctx context.Context, n name) (known, error) {
	if k, ok := r.cached(n); ok {
		return k, nil
	}
	read := r.now() // before: what is deleted while it is read is used for no longer than keep, too
	var key Key
	var err error
	if n.id == "" {
		key, err = r.store.Current(ctx, n.subject)
	} else {
		key, err = r.store.Find(ctx, n.subject, n.id)
	}
	k := known{key: key.ID, until: read.Add(r.keep)}
	switch {
	case errors.Is(err, event.ErrForgotten):
	case err != nil:
		return k, err
	default:
		if k.aead, err = newCipher(key); err != nil {
			return k, err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for other := range r.known { // any: those in use come back
		if len(r.known) < r.size {
			break
		}
		delete(r.known, other)
	}
	r.known[n] = k
	return k, nil
}

func (r *Ring) cached(n name) (known, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k, ok := r.known[n]
	if ok && !r.now().Before(k.until) {
		delete(r.known, n)
		return known{}, false
	}
	return k, ok
}
