package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/google/uuid"
)

// What the API takes in one batch, less some bytes for what is filled in.
const (
	batchEvents = 1000
	batchBytes  = 4<<20 - 4<<10
)

// eventReader reads events from JSON: one, an array, or one after the other.
type eventReader struct {
	in     io.Reader
	source string // of events without one

	decoder *json.Decoder
	array   bool
	ended   bool              // the array
	ahead   []json.RawMessage // read, and in no batch yet
	read    int
}

func jsonReader(v any) (io.ReadCloser, error) {
	text, err := json.Marshal(v)
	return io.NopCloser(bytes.NewReader(text)), err
}

// peek returns the first event, nil if there is none, and whether it is to be posted in a batch.
func (r *eventReader) peek() (first json.RawMessage, batch bool, err error) {
	in := bufio.NewReader(r.in)
	for {
		b, err := in.ReadByte()
		if errors.Is(err, io.EOF) {
			return nil, false, nil
		}
		if err != nil {
			return nil, false, fmt.Errorf("read the events: %w", err)
		}
		if !strings.ContainsRune(" \t\r\n", rune(b)) {
			_ = in.UnreadByte() // a byte was just read
			r.array = b == '['
			break
		}
	}
	r.decoder = json.NewDecoder(in)
	if r.array {
		if _, err := r.decoder.Token(); err != nil {
			return nil, false, fmt.Errorf("read the events: %w", err)
		}
	}
	for len(r.ahead) < 2 {
		e, err := r.next()
		if err != nil && len(r.ahead) == 0 {
			return nil, false, err
		}
		if e == nil || err != nil {
			break
		}
		r.ahead = append(r.ahead, e)
	}
	if len(r.ahead) == 0 {
		return nil, false, nil
	}
	return r.ahead[0], r.array || len(r.ahead) > 1, nil
}

// next returns the next event, nil after the last.
func (r *eventReader) next() (json.RawMessage, error) {
	if r.ended {
		return nil, nil
	}
	if r.array && !r.decoder.More() {
		if _, err := r.decoder.Token(); err != nil { // the closing bracket
			return nil, fmt.Errorf("read the end of the array: %w", err)
		}
		r.ended = true
		return nil, nil
	}
	var e json.RawMessage
	err := r.decoder.Decode(&e)
	if errors.Is(err, io.EOF) && !r.array {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read event %d: %w", r.read, err)
	}
	r.read++
	return e, nil
}

// batch returns the next events that fit into one request, complete. With an error it returns those before it.
func (r *eventReader) batch() (batch []json.RawMessage, err error) {
	size := 0
	for len(batch) < batchEvents {
		if len(r.ahead) == 0 {
			e, err := r.next()
			if e == nil || err != nil {
				return batch, err
			}
			r.ahead = append(r.ahead, e)
		}
		e := r.complete(r.ahead[0])
		if len(batch) > 0 && size+len(e) > batchBytes {
			break
		}
		batch, size, r.ahead = append(batch, e), size+len(e)+len(","), r.ahead[1:]
	}
	return batch, nil
}

// complete fills in what a batch's events need and the API fills in for single ones. The other bytes stay as they are.
func (r *eventReader) complete(e json.RawMessage) json.RawMessage {
	var has map[string]json.RawMessage
	if err := json.Unmarshal(e, &has); err != nil || has == nil {
		return e // the API says what is wrong with it
	}
	missing := map[string]string{}
	for name, value := range map[string]string{"specversion": "1.0", "id": uuid.NewString(), "source": r.source} {
		if _, ok := has[name]; !ok && value != "" {
			missing[name] = value
		}
	}
	head, err := json.Marshal(missing)
	if err != nil || len(missing) == 0 {
		return e
	}
	if head[len(head)-1] = ','; len(has) == 0 {
		head = head[:len(head)-1]
	}
	return append(head, bytes.TrimSpace(e)[1:]...)
}

// batch posts events until each is accepted or refused for good, and prints the answers.
func (s *sender) batch(ctx context.Context, events []json.RawMessage) error {
	left := make([]int, len(events)) // the indices of what is not decided
	for i := range left {
		left[i] = i
	}
	retry := s.api.newRetry()
	for len(left) > 0 {
		batch := make([]json.RawMessage, len(left))
		for i, index := range left {
			batch[i] = events[index]
		}
		body, err := json.Marshal(batch)
		if err != nil {
			return fmt.Errorf("encode the events: %w", err)
		}
		text, err := s.api.ask(ctx, http.MethodPost, "/v1/events", "application/cloudevents-batch+json", body, nil)
		if err != nil {
			var a batchAnswer // a 503 may have one, too, if nothing of the batch was stored
			var status *statusError
			if !errors.As(err, &status) || json.Unmarshal([]byte(status.body), &a) != nil || len(a.Results) != len(left) {
				if !retry.after(ctx, err) {
					return err
				}
				continue
			}
			text = []byte(status.body)
		}
		again, err := s.settle(text, events, left)
		if err != nil {
			return err
		}
		if len(again) > 0 && !retry.again(ctx, 0) {
			s.refused += len(again)
			fmt.Fprintf(s.progress, "%d events failed for longer than --retry-for, from event %d on\n", len(again),
				s.posted+again[0])
			break
		}
		left = again
	}
	s.posted += len(events)
	return nil
}

type batchAnswer struct {
	Results []struct {
		Index, Status int
		ID            string
		Problem       *struct {
			Title, Detail string
			Retryable     bool
		}
	}
}

// settle takes down an answer, prints it with indices of the file, and returns which events are to be sent again.
func (s *sender) settle(text []byte, events []json.RawMessage, sent []int) (again []int, err error) {
	var a batchAnswer
	var printed map[string]any
	if err := errors.Join(json.Unmarshal(text, &a), json.Unmarshal(text, &printed)); err != nil {
		return nil, fmt.Errorf("decode the API's answer: %w", err)
	}
	results, _ := printed["results"].([]any)
	for i, result := range a.Results {
		if result.Index < 0 || result.Index >= len(sent) || i >= len(results) {
			return nil, fmt.Errorf("the API's answer names event %d of %d", result.Index, len(sent))
		}
		index := sent[result.Index]
		if fields, ok := results[i].(map[string]any); ok {
			fields["index"] = s.posted + index
		}
		switch {
		case result.Status == http.StatusAccepted:
			s.taken++
			if s.keep {
				var id identity
				if err := json.Unmarshal(events[index], &id); err != nil {
					return nil, fmt.Errorf("decode event %d: %w", index, err)
				}
				s.accepted = append(s.accepted, id.path())
			}
		case result.Problem != nil && result.Problem.Retryable:
			again = append(again, index)
		default:
			s.refused++
			why := "the API does not say why"
			if p := result.Problem; p != nil {
				why = p.Title + ": " + p.Detail
			}
			fmt.Fprintf(s.progress, "refused: event %d, id %q: %d %s\n", s.posted+index, result.ID, result.Status, why)
		}
	}
	return again, json.NewEncoder(s.out).Encode(printed)
}
