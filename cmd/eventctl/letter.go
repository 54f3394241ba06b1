package main

import (
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"event-processing-service/internal/event"
	"event-processing-service/processor"
)

// letter is a record of the dead letter topic with what can be read of it.
type letter struct {
	record   event.Record
	says     processor.DeadLetter
	ours     bool           // the processor wrote it
	identity event.Identity // under which the processor knows it
	event    event.Event    // the zero value of a record that is not an event
}

// newLetter reads a record. member is the one that FOREIGN_ID_MEMBER names.
func newLetter(r event.Record, member string) letter {
	l := letter{record: r}
	l.says, l.ours = processor.ReadDeadLetter(&r)
	e, err := processor.Decode(&r, member)
	if l.identity = e.Identity(); err == nil {
		l.event = e
	}
	return l
}

// failedAt is when the letter was written, by the broker's account if not by its own.
func (l *letter) failedAt() time.Time {
	if l.says.FailedAt.IsZero() {
		return l.record.Timestamp
	}
	return l.says.FailedAt
}

// letterLine is a letter in `dlq list --output json`.
type letterLine struct {
	Partition int32      `json:"partition"`
	Offset    int64      `json:"offset"`
	FailedAt  time.Time  `json:"failed_at"`
	Type      string     `json:"type,omitempty"` // absent: the record is not an event
	ID        string     `json:"id,omitempty"`
	Source    string     `json:"source,omitempty"`
	Key       *text      `json:"key"`
	Error     string     `json:"error"`
	Attempts  int        `json:"attempts"`
	Hops      int        `json:"hops"`
	Original  *placeLine `json:"original,omitempty"` // absent: the processor did not write it
}

type placeLine struct {
	Topic     string     `json:"topic"`
	Partition int32      `json:"partition"`
	Offset    int64      `json:"offset"`
	Timestamp *time.Time `json:"timestamp,omitempty"`
}

// letterDocument is a letter in `dlq show --output json`.
type letterDocument struct {
	letterLine
	Headers []headerLine `json:"headers"`
	Value   *text        `json:"value"`
}

type headerLine struct {
	Key   string `json:"key"`
	Value text   `json:"value"`
}

// text is bytes for JSON: a string where they are UTF-8, else an object {"base64": …}, so that neither is mistaken for
// the other.
type text []byte

func (t text) MarshalJSON() ([]byte, error) {
	if utf8.Valid(t) {
		return json.Marshal(string(t))
	}
	return json.Marshal(map[string][]byte{"base64": t})
}

// textOf tells none, which is null, from empty.
func textOf(b []byte) *text {
	if b == nil {
		return nil
	}
	t := text(b)
	return &t
}

func (l *letter) line() letterLine {
	line := letterLine{
		Partition: l.record.Partition, Offset: l.record.Offset, FailedAt: l.failedAt().UTC(),
		Type: l.event.Type, ID: l.event.ID, Source: l.event.Source, Key: textOf(l.record.Key),
		Error: l.says.Error, Attempts: l.says.Attempts, Hops: l.says.Hops,
	}
	if l.ours {
		from := l.says.Origin
		line.Original = &placeLine{Topic: from.Topic, Partition: from.Partition, Offset: from.Offset}
		if !from.Timestamp.IsZero() {
			at := from.Timestamp.UTC()
			line.Original.Timestamp = &at
		}
	}
	return line
}

func (l *letter) document() letterDocument {
	d := letterDocument{letterLine: l.line(), Headers: []headerLine{}, Value: textOf(l.record.Value)}
	for _, h := range l.record.Headers {
		d.Headers = append(d.Headers, headerLine{Key: h.Key, Value: h.Value})
	}
	return d
}

// clip is one line of at most n characters, for a table.
func clip(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}
