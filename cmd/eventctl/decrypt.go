package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"event-processing-service/cmd/internal/assembly"
	"event-processing-service/internal/event"
	"event-processing-service/internal/settings"
	"event-processing-service/internal/shred"
)

// decrypter shows records as their handlers see them. The zero decrypter changes nothing.
type decrypter struct {
	ring *shred.Ring
	told io.Writer // what can't be decrypted, and why
}

var errNoKeys = fmt.Errorf("%w: SUBJECT_KEYS is not set: it says where the keys of subjects are",
	settings.ErrEnvironment)

func newDecrypter(a *assembly.Assembly, keys settings.Keys, told io.Writer) (decrypter, error) {
	ring, err := a.Keys(keys)
	if ring == nil && err == nil {
		err = errNoKeys
	}
	return decrypter{ring, told}, err
}

// open decrypts the record's value, and leaves one as it is that can't be decrypted. The error is that of the keys'
// store.
func (d decrypter) open(ctx context.Context, r *event.Record) error {
	if d.ring == nil {
		return nil
	}
	e, err := event.FromRecord(r)
	if err != nil || !e.IsSealed() {
		return nil //nolint:nilerr // what is no event is shown as it is
	}
	err = d.ring.Open(ctx, &e)
	if errors.Is(err, event.ErrForgotten) || errors.Is(err, event.ErrNoKey) {
		_, err = fmt.Fprintf(d.told, "%s is shown as it is: %v\n", r.Place, err)
		return err
	}
	if err != nil {
		return fmt.Errorf("decrypt the record at %s: %w", r.Place, err)
	}
	r.Value = e.Data
	r.Headers = slices.DeleteFunc(slices.Clone(r.Headers), func(h event.Header) bool {
		name, _ := strings.CutPrefix(h.Key, "ce_")
		return strings.EqualFold(h.Key, "content-type") || name != h.Key &&
			(name == event.AttrDataKey || name == event.AttrDataAlgorithm || name == event.AttrDataType)
	})
	if e.DataContentType != "" {
		r.Headers = append(r.Headers, event.Header{Key: "content-type", Value: []byte(e.DataContentType)})
	}
	return nil
}
