package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"event-processing-service/internal/kafka"
)

// letterFilter chooses dead letters. Its zero times and empty texts choose all.
type letterFilter struct {
	eventType, errorText, key string
	since, until              timeFlag
	partition                 int32 // -1: all
	offset                    int64 // -1: all
	keyed                     bool  // --key was given, if only as ""
}

func (f *letterFilter) addTo(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.eventType, "type", "", "only events of this type; order.* takes all that begin so")
	flags.StringVar(&f.errorText, "error", "", "only letters whose error contains this text")
	flags.StringVar(&f.key, "key", "", "only records with this key")
	flags.Var(&f.since, "since", "only letters since this time (RFC 3339) or this long ago (such as 2h)")
	flags.Var(&f.until, "until", "only letters before this time, or this long ago")
	flags.Int32Var(&f.partition, "partition", -1, "only this partition of the dead letter topic")
	flags.Int64Var(&f.offset, "offset", -1, "only the letter at this offset; needs --partition")
}

func (f *letterFilter) validate(flags *pflag.FlagSet) error {
	f.keyed = flags.Changed("key")
	if f.offset >= 0 && f.partition < 0 {
		return fmt.Errorf("%w: --offset names a letter only together with --partition", errUsage)
	}
	return nil
}

// narrow leaves of the spans what the filter can choose of them.
func (f *letterFilter) narrow(spans kafka.Spans) kafka.Spans {
	if f.partition < 0 {
		return spans
	}
	span, ok := spans[f.partition]
	if !ok {
		return nil
	}
	if f.offset >= 0 {
		span = kafka.Span{First: max(span.First, f.offset), End: min(span.End, f.offset+1)}
	}
	return kafka.Spans{f.partition: span}
}

func (f *letterFilter) match(l *letter) bool {
	switch {
	case !matchType(f.eventType, l.event.Type),
		!strings.Contains(l.says.Error, f.errorText),
		f.keyed && (l.record.Key == nil || string(l.record.Key) != f.key),
		!f.since.at.IsZero() && l.failedAt().Before(f.since.at),
		!f.until.at.IsZero() && !l.failedAt().Before(f.until.at):
		return false
	}
	return true
}

// matchType reports whether an event's type is the one that was asked for, or begins as one that ends in a star.
func matchType(pattern, eventType string) bool {
	prefix, isPrefix := strings.CutSuffix(pattern, "*")
	return pattern == "" || pattern == eventType || isPrefix && strings.HasPrefix(eventType, prefix)
}

// timeFlag is a point in time, given as such or as how long ago it was.
type timeFlag struct {
	at    time.Time
	given string
}

func (t *timeFlag) String() string { return t.given }

// Type names the flag's value in the help.
func (t *timeFlag) Type() string { return "time" }

func (t *timeFlag) Set(s string) error {
	t.given = s
	if ago, err := time.ParseDuration(s); err == nil && ago >= 0 {
		t.at = time.Now().Add(-ago)
		return nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if at, err := time.Parse(layout, s); err == nil {
			t.at = at
			return nil
		}
	}
	return fmt.Errorf("%q is neither a time such as 2006-01-02T15:04:05Z or 2006-01-02 nor a duration such as 90m", s)
}
