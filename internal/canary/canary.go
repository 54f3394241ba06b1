// Package canary looks at the service from where its clients are: it posts one event and waits until that is
// processed. What it posts is an event like any other, of a type that has no handler: the processor remembers it, and
// that is all that it does.
package canary

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
)

// The API lets the canary's key post events of this source and type alone, and no other client of that source.
const (
	Client = "canary"
	Source = "/event-processing-service/canary"
	Type   = "canary.check"
)

// Check is one event, from the request to its outcome.
type Check struct {
	URL      string // of the API
	Key      string // "": the API is open
	Deadline time.Duration
	Pause    time.Duration // between two questions for the outcome; 0 is half a second
	Client   *http.Client  // nil: Go's own
}

// Result is what a client would have seen. A duration of 0 is a step that did not succeed.
type Result struct {
	ID        string        // of the event
	Accepted  time.Duration // from the request to the 202
	Processed time.Duration // from the 202 to the outcome
}

// Refused is an answer of the API that no retry mends.
type Refused struct {
	Status int
	Body   string
}

func (e *Refused) Error() string { return fmt.Sprintf("the API answers %d: %s", e.Status, e.Body) }

// Run posts an event and waits for its outcome. It posts once: what clients have to retry is a failure here.
func (c Check) Run(ctx context.Context) (r Result, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.Deadline)
	defer cancel()
	r.ID = uuid.NewString()
	event, err := json.Marshal(map[string]any{"specversion": "1.0", "id": r.ID, "source": Source, "type": Type,
		"datacontenttype": "application/json", "data": map[string]any{}})
	if err != nil {
		return r, fmt.Errorf("encode the event: %w", err)
	}
	began := time.Now()
	status, body, err := c.ask(ctx, http.MethodPost, "/v1/events", event)
	if err != nil {
		return r, fmt.Errorf("post the event: %w", err)
	}
	if status != http.StatusAccepted {
		return r, fmt.Errorf("post the event: %w", &Refused{status, string(body)})
	}
	accepted := time.Now()
	r.Accepted = accepted.Sub(began)
	path := "/v1/events/" + r.ID + "?source=" + url.QueryEscape(Source)
	outcome, err := Await(ctx, cmp.Or(c.Pause, 500*time.Millisecond), func(ctx context.Context) (int, []byte, error) {
		return c.ask(ctx, http.MethodGet, path, nil)
	})
	if err != nil {
		return r, fmt.Errorf("read the outcome: %w", err)
	}
	if err := Processed(outcome); err != nil {
		return r, err
	}
	r.Processed = time.Since(accepted)
	return r, nil
}

// ErrNoOutcome says that there was none before the context ended.
var ErrNoOutcome = errors.New("there is no outcome yet")

// Await asks for an outcome until there is one. Whoever asks may be told that it is not known (404) or can't be read
// for the moment (503), or reach nobody, and asks again; any other answer ends it.
func Await(ctx context.Context, pause time.Duration, ask func(context.Context) (status int, body []byte, err error)) (
	outcome []byte, err error,
) {
	for {
		status, body, err := ask(ctx)
		switch {
		case err == nil && status == http.StatusOK:
			return body, nil
		case ctx.Err() != nil:
			return nil, ErrNoOutcome
		case err == nil && status != http.StatusNotFound && status != http.StatusServiceUnavailable:
			return nil, &Refused{status, string(body)}
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// Processed returns an error unless the outcome says that the event was.
func Processed(outcome []byte) error {
	var told struct{ Status, Reason string }
	if err := json.Unmarshal(outcome, &told); err != nil {
		return fmt.Errorf("decode the outcome: %w", err)
	}
	if told.Status != "processed" {
		return fmt.Errorf("the event is %s: %s", cmp.Or(told.Status, "of no status"), told.Reason)
	}
	return nil
}

func (c Check) ask(ctx context.Context, method, path string, body []byte) (status int, answer []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.URL, "/")+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("User-Agent", "event-processing-service-canary")
	if body != nil {
		req.Header.Set("Content-Type", "application/cloudevents+json")
	}
	if c.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.Key)
	}
	resp, err := cmp.Or(c.Client, http.DefaultClient).Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	return resp.StatusCode, answer, err
}
