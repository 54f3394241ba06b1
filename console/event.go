package console

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"event-processing-service/internal/event"
)

const (
	maxShown      = 64 << 10 // bytes of a record's value on the page
	maxHeaders    = 200
	neighbourhood = 100 // offsets on either side in which records of the same key are looked for
	maxNeighbours = 8
	lookTimeout   = 10 * time.Second
)

// document is all that is known of one event.
type document struct {
	Place      Place        `json:"place"`
	Timestamp  time.Time    `json:"timestamp"`
	Attributes [][2]string  `json:"attributes"` // empty: the record is not an event
	Problem    string       `json:"problem,omitempty"`
	Key        *text        `json:"key"`
	Headers    []headerLine `json:"headers"`
	Data       *text        `json:"data"`
	TraceID    string       `json:"trace_id,omitempty"`
	Outcome    *outcomeLine `json:"outcome"`
	Steps      []lifeStep   `json:"steps"`
	Before     []neighbour  `json:"before"`
	After      []neighbour  `json:"after"`
	Curl       string       `json:"curl,omitempty"`
	Eventctl   string       `json:"eventctl,omitempty"`
	Audit      string       `json:"audit,omitempty"`
}

// text is bytes for the page.
type text struct {
	Text   string `json:"text"`
	Base64 bool   `json:"base64,omitempty"` // they are not UTF-8
	Bytes  int    `json:"bytes"`
	Cut    bool   `json:"cut,omitempty"` // there is more
}

type headerLine struct {
	Key   string `json:"key"`
	Value text   `json:"value"`
}

type neighbour struct {
	Place Place     `json:"place"`
	At    time.Time `json:"at"`
	Type  string    `json:"type"`
	ID    string    `json:"id"`
}

type outcomeLine struct {
	Status   event.Status `json:"status"`
	Attempts int          `json:"attempts"`
	Replays  int          `json:"replays"`
	At       time.Time    `json:"at"`
	Reason   string       `json:"reason,omitempty"`
	Letter   *Place       `json:"letter,omitempty"`
}

// event looks an event up by the place of its record.
func (c *Console) event(w http.ResponseWriter, r *http.Request) {
	place, err := placeFrom(r, c.cfg.Events, c.cfg.DeadLetters)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), lookTimeout)
	defer cancel()
	d, found, err := c.look(ctx, place)
	switch {
	case err != nil:
		fail(w, http.StatusBadGateway, err.Error())
	case !found:
		fail(w, http.StatusNotFound, "there is no record at this place: it may have been deleted, or not be visible yet")
	default:
		answer(w, d)
	}
}

func placeFrom(r *http.Request, topics ...string) (event.Place, error) {
	q := r.URL.Query()
	partition, err1 := strconv.ParseInt(q.Get("partition"), 10, 32)
	offset, err2 := strconv.ParseInt(q.Get("offset"), 10, 64)
	p := event.Place{Topic: q.Get("topic"), Partition: int32(partition), Offset: offset}
	for _, t := range topics {
		if t == p.Topic && err1 == nil && err2 == nil && offset >= 0 {
			return p, nil
		}
	}
	return p, fmt.Errorf("a place is a topic, %s, with a partition and an offset", strings.Join(topics, " or "))
}

func (c *Console) look(ctx context.Context, place event.Place) (d document, found bool, err error) {
	record, before, after, err := c.neighbours(ctx, place)
	if err != nil || record == nil {
		return d, false, err
	}
	d = document{
		Place: *PlaceOf(place), Timestamp: record.Timestamp, Key: textOf(record.Key), Data: pretty(record.Value),
		Before: before, After: after, Attributes: [][2]string{}, Headers: []headerLine{},
	}
	for _, h := range record.Headers[:min(len(record.Headers), maxHeaders)] {
		d.Headers = append(d.Headers, headerLine{clip(h.Key, maxName), *textOf(append([]byte{}, h.Value...))})
		if h.Key == "traceparent" {
			d.TraceID = traceID(string(h.Value))
		}
	}
	e, err := c.parts.Decode(record)
	if err != nil {
		d.Problem = err.Error()
	} else {
		d.Attributes = attributes(&e)
		d.Curl, d.Eventctl = c.commands(&e)
	}
	d.Audit = auditLine(&e)
	if c.parts.Outcomes != nil {
		o, known, err := c.parts.Outcomes.Outcome(ctx, e.Identity())
		if err != nil {
			return d, false, err
		}
		if known {
			d.Outcome = lineOf(o)
		}
	}
	d.Steps = c.life(record, c.parts.Journal.of(e.Source, e.ID), d.Outcome)
	return d, true, nil
}

func lineOf(o event.Outcome) *outcomeLine {
	line := &outcomeLine{Status: o.Status, Attempts: o.Attempts, Replays: o.Hops, At: o.At, Reason: o.Reason}
	if o.Letter.Topic != "" {
		line.Letter = PlaceOf(o.Letter)
	}
	return line
}

// neighbours reads the record, and those of its key near it.
func (c *Console) neighbours(ctx context.Context, place event.Place) (at *event.Record, before, after []neighbour,
	err error) {
	before, after = []neighbour{}, []neighbour{}
	all := []event.Record{}
	from := max(0, place.Offset-neighbourhood)
	for r, err := range c.parts.Records.Read(ctx, place.Topic, place.Partition, from, place.Offset+neighbourhood) {
		if err != nil {
			return nil, nil, nil, err
		}
		if r.Offset == place.Offset {
			at = &r
			continue
		}
		r.Value = nil
		all = append(all, r)
	}
	if at == nil || at.Key == nil {
		return at, before, after, nil
	}
	for i := range all {
		r := &all[i]
		if !bytes.Equal(r.Key, at.Key) {
			continue
		}
		e, _ := c.parts.Decode(r)
		n := neighbour{*PlaceOf(r.Place), r.Timestamp, clip(e.Type, maxName), clip(e.ID, maxName)}
		if r.Offset < place.Offset {
			before = append(before, n)
		} else if len(after) < maxNeighbours {
			after = append(after, n)
		}
	}
	return at, before[max(0, len(before)-maxNeighbours):], after, nil
}

func attributes(e *event.Event) [][2]string {
	all := [][2]string{{"type", e.Type}, {"id", e.ID}, {"source", e.Source}}
	for _, a := range [][2]string{
		{"subject", e.Subject}, {"time", e.Time}, {"datacontenttype", e.DataContentType}, {"dataschema", e.DataSchema},
	} {
		if a[1] != "" {
			all = append(all, a)
		}
	}
	for _, x := range e.Extensions {
		all = append(all, [2]string{x.Name, x.Value})
	}
	return all
}

// pretty indents JSON without touching a digit of it: a browser would round large numbers.
func pretty(value []byte) *text {
	var b bytes.Buffer
	if len(value) <= maxShown && json.Indent(&b, value, "", "  ") == nil && b.Len() <= 2*maxShown {
		t := textOf(b.Bytes())
		t.Bytes, t.Cut = len(value), false
		t.Text = b.String()
		return t
	}
	return textOf(value)
}

func textOf(b []byte) *text {
	if b == nil {
		return nil
	}
	t := &text{Bytes: len(b), Cut: len(b) > maxShown}
	if len(b) > maxShown {
		b = b[:maxShown]
		for range utf8.UTFMax - 1 { // a character that was cut is not a reason to show all as Base64
			if r, size := utf8.DecodeLastRune(b); r != utf8.RuneError || size != 1 {
				break
			}
			b = b[:len(b)-1]
		}
	}
	if t.Text = string(b); !utf8.ValidString(t.Text) {
		t.Text, t.Base64 = base64.StdEncoding.EncodeToString(b), true
	}
	return t
}

// traceID is the second part of a traceparent, if it looks like one.
func traceID(traceparent string) string {
	parts := strings.Split(traceparent, "-")
	if len(parts) < 4 || len(parts[1]) != 32 || strings.Trim(parts[1], "0123456789abcdef") != "" {
		return ""
	}
	return parts[1]
}

// commands are lines that send the event again, as a new one: with the same id the processor would drop it as a copy.
func (c *Console) commands(e *event.Event) (curl, eventctl string) {
	if len(e.Data) > 8<<10 {
		return "", "" // nobody pastes that
	}
	body := map[string]any{"specversion": event.SpecVersion, "source": e.Source, "type": e.Type}
	for name, value := range map[string]string{
		"subject": e.Subject, "datacontenttype": e.DataContentType, "dataschema": e.DataSchema,
	} {
		if value != "" {
			body[name] = value
		}
	}
	for _, x := range e.Extensions {
		body[x.Name] = x.Value
	}
	var compact bytes.Buffer
	switch {
	case e.Data == nil:
	case e.HasJSONData() && json.Compact(&compact, e.Data) == nil:
		body["data"] = json.RawMessage(compact.Bytes())
	default:
		body["data_base64"] = e.Data
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return "", ""
	}
	quoted := shellQuote(plain(string(encoded)))
	url := c.cfg.APIURL
	if url == "" {
		url = "http://localhost:5001"
	}
	return "curl -H 'content-type: application/json' --data-raw " + quoted + " " + url + "/v1/events",
		"printf %s " + quoted + " | go run ./cmd/eventctl send --file - --url " + url
}

// shellQuote makes one word of s for any POSIX shell: nothing inside means anything to it.
func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// plain writes the characters of a JSON text that a terminal obeys, or that people can't see, as JSON escapes.
func plain(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case !unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Cs):
			b.WriteRune(r)
		case r > 0xffff:
			high, low := (r-0x10000)>>10+0xd800, (r-0x10000)&0x3ff+0xdc00
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
