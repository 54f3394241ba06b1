// Package secrets keeps the values of secrets that are stored elsewhere: it reads them at the start, reads them again
// when they are old, and keeps the last good one while they can't be read. It writes no value anywhere, not even into
// an error.
package secrets

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// Age is how old a value may be before it is read again. A secret costs 0.05 USD for 10,000 reads: one an hour and
	// process for a cent a month, twelve for 0.04.
	Age = 5 * time.Minute
	// Pause is kept between two attempts to read a secret that can't be read.
	Pause = 15 * time.Second
	// readTimeout bounds one read, which an event waits for.
	readTimeout = 3 * time.Second
)

// Reference says where a secret is stored.
type Reference struct {
	Service string // as the reader knows it
	ID      string // a name, or an ARN
	JSON    bool   // a value that is not JSON is refused
}

func (r Reference) String() string { return r.Service + " " + r.ID }

// Read reads the value of a secret now.
type Read func(ctx context.Context, r Reference) (string, error)

// Cache has the value of each secret by its name. Make one with Load. Safe for use by several goroutines.
type Cache struct {
	read    Read
	log     *slog.Logger
	secrets map[string]*secret
}

type secret struct {
	Reference
	reading sync.Mutex // held by the one who reads; nobody waits for it while there is a value

	mu    sync.Mutex
	value string
	next  time.Time // when it is to be read again
}

// Load reads every secret. The error names each one that can't be read, or is not what its reference says.
func Load(ctx context.Context, references map[string]Reference, read Read, log *slog.Logger) (*Cache, error) {
	c := &Cache{read: read, log: log, secrets: map[string]*secret{}}
	names := slices.Sorted(maps.Keys(references))
	problems := make([]error, len(names))
	var running sync.WaitGroup
	for i, name := range names {
		s := &secret{Reference: references[name]}
		c.secrets[name] = s
		running.Go(func() {
			if err := c.renew(ctx, s); err != nil {
				problems[i] = fmt.Errorf("secret %s: %w", name, err)
			}
		})
	}
	running.Wait()
	return c, errors.Join(problems...)
}

// Value is the secret's value. One caller reads an old value again while the others keep using it; if the read fails,
// everybody keeps the old one.
func (c *Cache) Value(ctx context.Context, name string) (string, error) {
	s, known := c.secrets[name]
	if !known {
		return "", fmt.Errorf("secret %s is not declared: processor.uses.secrets has %s", name,
			strings.Join(slices.Sorted(maps.Keys(c.secrets)), ", "))
	}
	value, isOld := s.now()
	if !isOld || !s.reading.TryLock() {
		return value, nil
	}
	defer s.reading.Unlock()
	if value, isOld = s.now(); !isOld {
		return value, nil // another has read it meanwhile
	}
	if err := c.renew(ctx, s); err != nil {
		c.log.WarnContext(ctx, "secret can't be read again, the last value is kept", "secret", name, "error", err.Error())
	}
	value, _ = s.now()
	return value, nil
}

func (s *secret) now() (value string, isOld bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.value, !time.Now().Before(s.next)
}

// renew reads a secret, and keeps what was read if it is fit for use.
func (c *Cache) renew(ctx context.Context, s *secret) error {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	value, err := c.read(ctx, s.Reference)
	switch {
	case err != nil:
		err = fmt.Errorf("read %s: %w", s, err)
	case value == "":
		err = fmt.Errorf("%s is empty", s)
	case s.JSON && !json.Valid([]byte(value)):
		err = fmt.Errorf("%s is not JSON, as processor.uses.secrets demands", s)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.next = time.Now().Add(Pause)
		return err
	}
	s.value, s.next = value, time.Now().Add(Age)
	return nil
}
