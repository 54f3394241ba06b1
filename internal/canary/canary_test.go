package canary_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"event-processing-service/internal/canary"
)

// service answers a post and the questions for its outcome, one after the other; the last answer stays.
type service struct {
	post     int
	outcomes []string // "STATUS BODY"

	posted    map[string]any
	questions int
	faults    []string
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer the-key" {
		s.faults = append(s.faults, r.Method+" without the key")
	}
	if r.Method == http.MethodPost {
		if err := json.NewDecoder(r.Body).Decode(&s.posted); err != nil {
			s.faults = append(s.faults, err.Error())
		}
		w.WriteHeader(s.post)
		return
	}
	want := fmt.Sprintf("/v1/events/%s?source=%%2Fevent-processing-service%%2Fcanary", s.posted["id"])
	if r.URL.String() != want {
		s.faults = append(s.faults, r.URL.String()+" is asked, want "+want)
	}
	answer := s.outcomes[min(s.questions, len(s.outcomes)-1)]
	s.questions++
	var status int
	_, _ = fmt.Sscan(answer, &status)
	w.WriteHeader(status)
	fmt.Fprint(w, answer[4:])
}

func run(t *testing.T, s *service) (canary.Result, error) {
	t.Helper()
	server := httptest.NewServer(s)
	defer server.Close()
	r, err := canary.Check{URL: server.URL + "/", Key: "the-key", Deadline: 300 * time.Millisecond,
		Pause: 10 * time.Millisecond}.Run(t.Context())
	if len(s.faults) > 0 {
		t.Errorf("%q", s.faults)
	}
	return r, err
}

const processed = `200 {"status":"processed"}`

func TestACheckPostsAnEventAndWaitsUntilItIsProcessed(t *testing.T) {
	s := &service{post: http.StatusAccepted, outcomes: []string{"404 ", "503 ", "404 ", processed}}
	r, err := run(t, s)
	if err != nil || s.questions != 4 || r.Accepted <= 0 || r.Processed < 30*time.Millisecond {
		t.Errorf("after %d questions it is %+v, %v", s.questions, r, err)
	}
	if s.posted["id"] != r.ID || s.posted["source"] != canary.Source || s.posted["type"] != canary.Type {
		t.Errorf("posted is %v", s.posted)
	}
	again, _ := run(t, &service{post: http.StatusAccepted, outcomes: []string{processed}})
	if again.ID == r.ID {
		t.Error("two checks post the same event: the second is a copy, which takes no effect")
	}
}

func TestWhatAClientWouldSeeAsAFailureIsOne(t *testing.T) {
	for want, s := range map[string]*service{
		"post the event: the API answers 503": {post: http.StatusServiceUnavailable},
		"post the event: the API answers 401": {post: http.StatusUnauthorized},
		"post the event: the API answers 207": {post: http.StatusMultiStatus},
		"there is no outcome yet":             {post: http.StatusAccepted, outcomes: []string{"404 "}},
		"read the outcome: the API answers 403: no": {post: http.StatusAccepted,
			outcomes: []string{"403 no"}},
		"the event is dead-lettered: the shop is closed": {post: http.StatusAccepted,
			outcomes: []string{`200 {"status":"dead-lettered","reason":"the shop is closed"}`}},
		"the event is of no status": {post: http.StatusAccepted, outcomes: []string{"200 {}"}},
		"decode the outcome":        {post: http.StatusAccepted, outcomes: []string{"200 <html>"}},
	} {
		r, err := run(t, s)
		if err == nil || !strings.Contains(err.Error(), want) || r.Processed != 0 ||
			(r.Accepted > 0) != (s.post == http.StatusAccepted) {
			t.Errorf("%+v, %v, want %s", r, err, want)
		}
	}
}

func TestAServiceThatNobodyReachesFailsWithinTheDeadline(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or the server does not notice that its client has gone
		<-r.Context().Done()
	}))
	defer server.Close()
	for _, url := range []string{server.URL, "http://127.0.0.1:1"} {
		began := time.Now()
		r, err := canary.Check{URL: url, Deadline: 200 * time.Millisecond}.Run(t.Context())
		if _, refused := errors.AsType[*canary.Refused](err); err == nil || refused || r.Accepted != 0 ||
			time.Since(began) > 2*time.Second {
			t.Errorf("%s: %+v, %v after %s", url, r, err, time.Since(began))
		}
	}
}
