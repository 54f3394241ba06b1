// Package consumer archives topics: it reads them as a consumer group of its own, so that it holds up nobody, and
// commits what is archived.
//
// It reads Kafka itself instead of having batches handed to it, because Lambda's form of a batch does not tell a null
// header from an empty one, nor keep header names that are not UTF-8, nor say which offsets are no records.
package consumer

import (
	"cmp"
	"errors"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Config is what is archived, and when. Zero durations and sizes are the defaults.
type Config struct {
	Topics []string // required
	Group  string   // required
	// Options are how the brokers are reached. Those of the consumer group are this package's own and win.
	Options []kgo.Opt

	// Window is how long the first record of a batch waits for others; default 60 s. It is what a loss of Kafka may lose.
	Window time.Duration
	// MaxRecords is the most records of a batch, each of one partition; default 10,000.
	MaxRecords int
	// MaxBytes is about what waits in memory, of all partitions; default 32 MiB.
	MaxBytes int
	// Grace is how long what waits may still be written when the context ends; default 10 s.
	Grace time.Duration

	Log *slog.Logger // never of keys, values or headers
}

func (c Config) withDefaults() Config {
	c.Window = cmp.Or(c.Window, time.Minute)
	c.MaxRecords = cmp.Or(c.MaxRecords, 10_000)
	c.MaxBytes = cmp.Or(c.MaxBytes, 32<<20)
	c.Grace = cmp.Or(c.Grace, 10*time.Second)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Validate reports every problem at once.
func (c Config) Validate() error {
	var problems []error
	if len(c.Topics) == 0 {
		problems = append(problems, errors.New("there are no Topics"))
	}
	if c.Group == "" {
		problems = append(problems, errors.New("there is no Group"))
	}
	if c.Window < 0 || c.MaxRecords < 0 || c.MaxBytes < 0 || c.Grace < 0 {
		problems = append(problems, errors.New("none of Window, MaxRecords, MaxBytes and Grace may be negative"))
	}
	return errors.Join(problems...)
}
