package main

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
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"event-processing-service/internal/event"
)

// apiClient asks the API.
type apiClient struct {
	url, key string
	retryFor time.Duration
	client   *http.Client // nil: Go's own

	processor string // whose outcomes are asked for. "": the first's
}

func (c *apiClient) addTo(f *pflag.FlagSet) {
	f.StringVar(&c.url, "url", "http://localhost:5001", "the API")
	f.StringVar(&c.key, "api-key", os.Getenv("API_KEY"), "key for the API (default: $API_KEY)")
	f.Lookup("api-key").DefValue = "" // a key is not for the help
}

// requestTimeout bounds one request; the API answers within its own PUBLISH_TIMEOUT, 10 s unless told otherwise.
const requestTimeout = time.Minute

// ask sends a request and returns the body of a 2xx.
func (c *apiClient) ask(ctx context.Context, method, path, contentType string, body []byte, more http.Header) (
	[]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.url, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%w: --url: %w", errUsage, err)
	}
	for name, values := range more {
		req.Header[name] = values
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	resp, err := cmp.Or(c.client, http.DefaultClient).Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the API: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("read the API's answer: %w", err)
	}
	if resp.StatusCode/100 != 2 {
		wait, _ := strconv.Atoi(resp.Header.Get("Retry-After")) // 0 where it is missing, or a date
		return nil, &statusError{status: resp.StatusCode, body: string(answer), retryAfter: time.Duration(wait) * time.Second}
	}
	return answer, nil
}

// askOutcome asks as a client does.
func (c *apiClient) askOutcome(ctx context.Context, id event.Identity) (o event.Outcome, known bool, err error) {
	path := identity{id.ID, id.Source}.path()
	if c.processor != "" {
		path += "&processor=" + url.QueryEscape(c.processor)
	}
	text, err := c.ask(ctx, "GET", path, "", nil, nil)
	var status *statusError
	if errors.As(err, &status) && status.status == 404 {
		return o, false, nil
	}
	if err != nil {
		return o, false, fmt.Errorf("what was processed is not known: %w", err)
	}
	var answer struct {
		Status      event.Status
		Attempts    int
		CompletedAt time.Time `json:"completed_at"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return o, false, fmt.Errorf("decode the API's answer: %w", err)
	}
	return event.Outcome{Status: answer.Status, Attempts: answer.Attempts, At: answer.CompletedAt}, true, nil
}

type statusError struct {
	status     int
	body       string
	retryAfter time.Duration // what the API asks for; 0: nothing
}

func (e *statusError) Error() string { return fmt.Sprintf("the API answers %d: %s", e.status, e.body) }

// retryable is the problem's own word, or, where a proxy answers, what the status says.
func (e *statusError) retryable() bool {
	var problem struct{ Retryable *bool }
	if json.Unmarshal([]byte(e.body), &problem) == nil && problem.Retryable != nil {
		return *problem.Retryable
	}
	switch e.status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// post posts to /v1/events until it succeeds, fails for good, or the time for retries is over.
func (c *apiClient) post(ctx context.Context, contentType string, body []byte, more http.Header) ([]byte, error) {
	for retry := c.newRetry(); ; {
		answer, err := c.ask(ctx, http.MethodPost, "/v1/events", contentType, body, more)
		if err == nil || !retry.after(ctx, err) {
			return answer, err
		}
	}
}

// retry spreads tries over a time.
type retry struct {
	until time.Time
	delay time.Duration
}

const firstRetry, slowestRetry = 500 * time.Millisecond, 10 * time.Second

func (c *apiClient) newRetry() *retry { return &retry{time.Now().Add(c.retryFor), firstRetry} }

// after waits where err may pass by itself, and reports whether it is worth another try. An API that can't be reached
// may have the events or not; the same ids make sending them again harmless.
func (r *retry) after(ctx context.Context, err error) bool {
	var status *statusError
	switch {
	case errors.Is(err, errUsage):
		return false
	case !errors.As(err, &status):
		return r.again(ctx, 0)
	case !status.retryable():
		return false
	}
	return r.again(ctx, status.retryAfter)
}

// again waits, at least for so long, and reports false if the time for retries is over.
func (r *retry) again(ctx context.Context, least time.Duration) bool {
	wait := max(r.delay, least)
	if time.Now().Add(wait).After(r.until) {
		return false
	}
	r.delay = min(2*r.delay, slowestRetry)
	select {
	case <-time.After(wait):
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}
