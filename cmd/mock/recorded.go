package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"
	"unicode/utf8"
)

// mostRecorded is how many requests are kept; older ones go. A test asks for its last few.
const mostRecorded = 1000

// recordedRequest is what a client sent, for its test to look at.
type recordedRequest struct {
	At         time.Time           `json:"at"`
	Method     string              `json:"method"`
	Path       string              `json:"path"`
	Query      map[string][]string `json:"query,omitempty"`
	Headers    map[string][]string `json:"headers"`
	Body       string              `json:"body,omitempty"`
	BodyBase64 []byte              `json:"body_base64,omitempty"` // in place of body where that is not UTF-8
	Status     int                 `json:"status"`                // that it was answered with
}

// recording is the requests of one mock.
type recording struct {
	mu   sync.Mutex
	list []recordedRequest
}

func (r *recording) add(req *http.Request, body []byte, status int) {
	one := recordedRequest{At: time.Now().UTC(), Method: req.Method, Path: req.URL.Path, Query: req.URL.Query(),
		Headers: req.Header, Status: status}
	if utf8.Valid(body) {
		one.Body = string(body)
	} else {
		one.BodyBase64 = body
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.list = append(r.list, one); len(r.list) > mostRecorded {
		r.list = slices.Delete(r.list, 0, len(r.list)-mostRecorded)
	}
}

// ServeHTTP is /_mock/requests: GET tells them, oldest first; DELETE forgets them, before a test.
func (r *recording) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch req.Method {
	case http.MethodGet:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(append([]recordedRequest{}, r.list...)) // a client that is gone is not told
	case http.MethodDelete:
		r.list = nil
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Allow", "DELETE, GET")
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}
