// Package shred lets a person be forgotten: it encrypts the data of events with a key of their subject, so that without
// the key no copy of them can be read, in a topic, an archive, a dead letter or a backup of these.
//
// The envelope is the event itself, in any place that has room for an event: the data is AES-256-GCM's random nonce of
// 12 bytes, the ciphertext and its tag of 16 bytes; extension attributes name the key, the algorithm and the data's own
// media type. What is not data is in clear, the subject too.
package shred

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"event-processing-service/internal/event"
)

// algorithm is the name of JWA (RFC 7518, section 5.3) for what this package does.
const algorithm = "A256GCM"

// sealedType is the datacontenttype of encrypted data, so that nobody takes it for JSON.
const sealedType = "application/octet-stream"

// Key is a data key of one subject. It may encrypt 2³² events: nonces are random (NIST SP 800-38D, section 8.3).
type Key struct {
	ID     string // 32 hex digits
	Secret [32]byte
}

func newKey() (k Key) {
	var id [16]byte
	_, _ = rand.Read(id[:]) // it never fails
	_, _ = rand.Read(k.Secret[:])
	k.ID = hex.EncodeToString(id[:])
	return k
}

// Forgotten is a key that is deleted.
type Forgotten struct {
	Key string    `json:"key"` // id
	At  time.Time `json:"forgotten_at"`
}

// Store keeps the keys of subjects, for several processes. What was forgotten stays known, by the key's id: a key that
// is merely not found may be in another store.
type Store interface {
	// Current is the key that a subject's data is encrypted with. It is made where there is none.
	Current(ctx context.Context, subject string) (Key, error)
	// Find is the key with this id. The error wraps event.ErrForgotten where it was deleted, and event.ErrNoKey where it
	// was never there.
	Find(ctx context.Context, subject, id string) (Key, error)
	// Forget deletes all keys of a subject, and lists all that were ever deleted. The next event of the subject gets a new
	// one.
	Forget(ctx context.Context, subject string) ([]Forgotten, error)
}

// Types are patterns of event types: a type, or the beginning of types, with .* at its end.
type Types []string

// Has tells whether a pattern takes the type.
func (t Types) Has(eventType string) bool {
	for _, pattern := range t {
		if below, is := strings.CutSuffix(pattern, "*"); pattern == eventType || is && strings.HasPrefix(eventType, below) {
			return true
		}
	}
	return false
}

var errNoSubject = &event.InvalidError{Fields: []event.FieldError{{Pointer: "/subject",
	Detail: "is required for events of this type: their data is encrypted with a key of the subject"}}}

var errReserved = &event.InvalidError{Fields: []event.FieldError{{Pointer: "/" + event.AttrDataKey,
	Detail: "is set by the service for encrypted data; omit it"}}}

var errTooMany = &event.InvalidError{Fields: []event.FieldError{{Pointer: "/" + event.AttrDataKey,
	Detail: "is added to events of this type, with two other extensions, and the event has no room for them; " +
		"move some of its extensions into data"}}}

func newCipher(k Key) (cipher.AEAD, error) {
	block, err := aes.NewCipher(k.Secret[:])
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	return aead, nil
}

// seal encrypts the event's data. The event gets new data and extensions, and the old ones stay as they are.
func seal(e *event.Event, aead cipher.AEAD, key string) error {
	contentType := e.DataContentType
	extensions := make([]event.Extension, 0, len(e.Extensions)+3)
	extensions = append(append(extensions, e.Extensions...),
		event.Extension{Name: event.AttrDataKey, Value: key},
		event.Extension{Name: event.AttrDataAlgorithm, Value: algorithm})
	if contentType != "" {
		extensions = append(extensions, event.Extension{Name: event.AttrDataType, Value: contentType})
	}
	if len(extensions) > event.MaxExtensions {
		return errTooMany
	}
	room := make([]byte, 0, len(e.Data)+aead.Overhead())
	e.Data = aead.Seal(room, nil, e.Data, bound(e, key, contentType)) //nolint:gosec // nil: it makes the nonce itself
	e.Extensions, e.DataContentType = extensions, sealedType
	return nil
}

// unseal is seal's reverse.
func unseal(e *event.Event, aead cipher.AEAD) error {
	key, contentType := e.Extension(event.AttrDataKey), e.Extension(event.AttrDataType)
	data, err := aead.Open(nil, nil, e.Data, bound(e, key, contentType))
	if err != nil {
		return fmt.Errorf("%w: decrypt data with key %s: it is damaged, or another event's", event.ErrNoKey,
			event.Shorten(key))
	}
	if data == nil {
		data = []byte{} // which is not the same as none
	}
	extensions := make([]event.Extension, 0, len(e.Extensions))
	for _, x := range e.Extensions {
		if x.Name != event.AttrDataKey && x.Name != event.AttrDataAlgorithm && x.Name != event.AttrDataType {
			extensions = append(extensions, x)
		}
	}
	if len(extensions) == 0 {
		extensions = nil
	}
	e.Data, e.Extensions, e.DataContentType = data, extensions, contentType
	return nil
}

// bound is what data is tied to, as GCM's additional data: whoever can write to a topic can't give one event the data
// of another. Lengths keep the parts apart.
func bound(e *event.Event, key, contentType string) (text []byte) {
	for _, part := range [...]string{algorithm, key, contentType, e.Source, e.ID, e.Type, e.Subject} {
		text = append(binary.AppendUvarint(text, uint64(len(part))), part...)
	}
	return text
}

var errAlgorithm = errors.New("the algorithm is not one that this version knows")
