package console

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
)

// messages are the log lines of the processor, and one of the API, that say how far an event is.
var messages = map[string]State{
	"attempt begins":      Attempting,
	"attempt failed":      Retrying,
	"next attempt waits":  Retrying,
	"event processed":     Processed,
	"event already done":  Dropped,
	"event dead-lettered": DeadLettered,
	"event not finished":  Unfinished,
	"event refused":       Refused, // by the API, which reads no event where there is none
}

// logLine is what such a line says.
type logLine struct {
	Message   string  `json:"msg"`
	Type      string  `json:"event_type"`
	ID        string  `json:"event_id"`
	Source    string  `json:"event_source"`
	Topic     string  `json:"topic"`
	Partition int64   `json:"partition"`
	Offset    int64   `json:"offset"`
	Attempts  int64   `json:"attempts"`
	NextMS    float64 `json:"next_in_ms"`
	Error     string  `json:"error"`
	Problem   string  `json:"problem"`
	Stack     string  `json:"stack"`
	TraceID   string  `json:"trace_id"`
}

func (l *logLine) step() (Step, bool) {
	state, known := messages[l.Message]
	return Step{
		State: state, Type: l.Type, ID: l.ID, Source: l.Source, Place: l.place(),
		Attempt: int(l.Attempts), NextMS: l.NextMS, Error: l.error(), Stack: l.Stack, TraceID: l.TraceID,
	}, known
}

func (l *logLine) place() *Place {
	if l.Topic == "" {
		return nil
	}
	return &Place{l.Topic, int32(l.Partition), l.Offset}
}

func (l *logLine) error() string {
	if l.Problem == "" {
		return l.Error
	}
	return l.Problem + ": " + l.Error
}

// Handler tells the journal what the processor logs, whatever the level, and hands on to next what next takes.
func (j *Journal) Handler(next slog.Handler) slog.Handler { return handler{j, next} }

type handler struct {
	journal *Journal
	next    slog.Handler
}

func (h handler) Enabled(context.Context, slog.Level) bool { return true }

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.journal, h.next.WithAttrs(attrs)}
}

func (h handler) WithGroup(name string) slog.Handler {
	return handler{h.journal, h.next.WithGroup(name)}
}

func (h handler) Handle(ctx context.Context, r slog.Record) error {
	if _, known := messages[r.Message]; known {
		line := logLine{Message: r.Message}
		r.Attrs(func(a slog.Attr) bool {
			line.set(a)
			return true
		})
		s, _ := line.step()
		s.At = r.Time
		h.journal.Add(s)
	}
	if !h.next.Enabled(ctx, r.Level) {
		return nil
	}
	return h.next.Handle(ctx, r)
}

func (l *logLine) set(a slog.Attr) {
	switch a.Key {
	case "event_type":
		l.Type = a.Value.String()
	case "event_id":
		l.ID = a.Value.String()
	case "event_source":
		l.Source = a.Value.String()
	case "topic":
		l.Topic = a.Value.String()
	case "partition":
		l.Partition = a.Value.Int64()
	case "offset":
		l.Offset = a.Value.Int64()
	case "attempts":
		l.Attempts = a.Value.Int64()
	case "next_in_ms":
		l.NextMS = a.Value.Float64()
	case "error":
		l.Error = a.Value.String()
	case "problem":
		l.Problem = a.Value.String()
	case "stack":
		l.Stack = a.Value.String()
	}
}

// maxLine is above the longest line of the processor: a stack, and the longest ids and types.
const maxLine = 1 << 20

// Follow tells the journal what log lines say, one JSON object each, until they end. What is none is passed over, and
// what stands before the object, as tools that follow logs put there, too.
func (j *Journal) Follow(lines io.Reader) error {
	in := bufio.NewScanner(lines)
	in.Buffer(make([]byte, 0, 64<<10), maxLine)
	for in.Scan() {
		text := in.Bytes()
		start := bytes.IndexByte(text, '{')
		var line logLine
		if start < 0 || json.Unmarshal(text[start:], &line) != nil {
			continue
		}
		if s, known := line.step(); known {
			j.Add(s)
		}
	}
	if errors.Is(in.Err(), bufio.ErrTooLong) {
		return errors.New("follow log lines: a line is longer than 1 MiB")
	}
	return in.Err()
}
