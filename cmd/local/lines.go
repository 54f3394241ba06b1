package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
)

// eventLines prints, for people, what the log says of events, whatever its level, and hands on to next what else there
// is. Where the environment sets LOG_LEVEL, next gets the lines of events as well, with their stacks.
type eventLines struct {
	console *console
	next    slog.Handler
	logged  bool // LOG_LEVEL is set

	processor string // whose lines they are. "": the first's
}

func (h eventLines) Enabled(context.Context, slog.Level) bool { return true }

func (h eventLines) WithAttrs(attrs []slog.Attr) slog.Handler {
	h.next = h.next.WithAttrs(attrs)
	for _, a := range attrs {
		if a.Key == "processor" {
			h.processor = a.Value.String()
		}
	}
	return h
}

func (h eventLines) WithGroup(name string) slog.Handler {
	h.next = h.next.WithGroup(name)
	return h
}

func (h eventLines) Handle(ctx context.Context, r slog.Record) error {
	if h.print(r) && !h.logged || !h.next.Enabled(ctx, r.Level) {
		return nil
	}
	return h.next.Handle(ctx, r)
}

// print tells whether the record is about an event.
func (h eventLines) print(r slog.Record) bool {
	attrs := map[string]string{}
	r.Attrs(func(a slog.Attr) bool {
		attrs[a.Key] = a.Value.String()
		return true
	})
	what := fmt.Sprintf("%s  id %s", attrs["event_type"], attrs["event_id"])
	if attrs["event_type"] == "" {
		what = fmt.Sprintf("record %s/%s@%s", attrs["topic"], attrs["partition"], attrs["offset"])
	}
	if n := attrs["replays"]; n != "" {
		what += "  replay " + n
	}
	if h.processor != "" {
		what = h.processor + ": " + what
	}
	reason, _, _ := strings.Cut(attrs["error"], "\n")
	switch r.Message {
	case "event processed":
		h.console.say("processed", green, "%s  %s", what, attempts(attrs["attempts"]))
	case "event already done":
		h.console.say("copy dropped", grey, "%s  it took effect before", what)
	case "attempt failed":
		h.console.say("failed", yellow, "%s  attempt %s: %s", what, attrs["attempts"], reason)
	case "event not finished":
		h.console.complain("unfinished "+reason, "unfinished", yellow, what+"  "+reason)
	case "event dead-lettered":
		h.console.say("dead-lettered", red, "%s  %s  %s", what, attempts(attrs["attempts"]), reason)
	case "event refused":
		why := attrs["problem"] + "  " + reason
		if attrs["event_id"] != "" { // one of a batch, of which each is told
			h.console.say("refused", red, "%s  id %s  %s", attrs["event_type"], attrs["event_id"], why)
			break
		}
		h.console.complain("refused "+reason, "refused", red, why)
	case "attempt begins", "next attempt waits": // for the page, on which they are not in the way
	default:
		return false
	}
	return true
}

func attempts(n string) string {
	switch n {
	case "0":
		return "without an attempt"
	case "1":
		return "at the first attempt"
	}
	return "after " + n + " attempts"
}
