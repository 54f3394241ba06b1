package main

import (
	"encoding/json"
	"net/http"
)

// batchAnswer is the API's answer to a batch, as far as the mock makes it up.
type batchAnswer struct {
	Accepted int           `json:"accepted"`
	Rejected int           `json:"rejected"`
	Results  []batchResult `json:"results"`
}

type batchResult struct {
	Index   int             `json:"index"`
	ID      string          `json:"id,omitempty"`
	Status  int             `json:"status"`
	Problem json.RawMessage `json:"problem,omitempty"`
}

// batch holds each event of a batch against the document: 202 where all are as it says, 400 where none is, else 207.
func (a *answer) batch(plain string, body []byte) *answer {
	var events []json.RawMessage
	_ = json.Unmarshal(body, &events) // refuse has seen that it is one
	if len(events) > 1000 {
		return a.problem(http.StatusRequestEntityTooLarge, "batch-too-large", "the batch has more than 1,000 events")
	}
	result := batchAnswer{Results: []batchResult{}}
	for i, one := range events {
		var posted struct{ ID string }
		_ = json.Unmarshal(one, &posted) // what is no object has no id
		r := batchResult{Index: i, ID: posted.ID, Status: http.StatusAccepted}
		if wrong := a.mock.valid(a.request, plain, mediaEvent, one); len(wrong) > 0 {
			r.Status = http.StatusBadRequest
			r.Problem = a.eventProblem(wrong)
			result.Rejected++
		} else {
			result.Accepted++
		}
		result.Results = append(result.Results, r)
	}
	if result.Rejected > 0 && result.Accepted == 0 {
		refused := a.problem(http.StatusBadRequest, "batch-refused", "")
		refused.body = a.ofThisRequest(refused.body, map[string]any{"results": result.Results})
		return refused
	}
	status := http.StatusAccepted
	if result.Rejected > 0 {
		status = http.StatusMultiStatus
	}
	text, _ := json.Marshal(result) // made of text and numbers
	return a.say(status, "", text)
}

// eventProblem is the problem of one event of a batch: that of a request, without what is the request's.
func (a *answer) eventProblem(wrong []fault) json.RawMessage {
	var p map[string]any
	_ = json.Unmarshal(a.mock.spec.Components.Examples["invalid-event"].Value, &p) // readSpec has read it
	delete(p, "instance")
	delete(p, "request_id")
	p["errors"] = wrong
	text, _ := json.Marshal(p) // it was JSON
	return text
}
