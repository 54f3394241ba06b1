package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// answer is what the mock says to one request, while it is found.
type answer struct {
	mock      *mock
	request   *http.Request
	operation *operation // nil: none is at this path, or none by this method

	status  int
	headers map[string]string
	body    []byte
	delay   time.Duration
}

const mediaProblem = "application/problem+json"

var saneRequestID = regexp.MustCompile(`^[A-Za-z0-9._:/+=-]{1,128}$`)

// requestID is the client's own, or the document's example.
func (a *answer) requestID() string {
	if id := a.request.Header.Get("X-Request-Id"); saneRequestID.MatchString(id) {
		return id
	}
	id, _ := a.mock.spec.Components.Headers["X-Request-Id"].Example.(string)
	return id
}

// acceptable reports whether the client takes JSON, or whatever else an operation answers with alone.
func (a *answer) acceptable() bool {
	if _, refuses := a.operation.Responses[strconv.Itoa(http.StatusNotAcceptable)]; !refuses {
		return true
	}
	accept := a.request.Header.Get("Accept")
	for one := range strings.SplitSeq(accept, ",") {
		media, parameters, _ := strings.Cut(strings.TrimSpace(one), ";")
		if media = strings.TrimSpace(media); (media == "*/*" || media == "application/*" || media == "application/json") &&
			strings.ReplaceAll(parameters, " ", "") != "q=0" {
			return true
		}
	}
	return accept == ""
}

// say answers with a status: with the example of that name, or the first, or with body where it is set.
func (a *answer) say(status int, name string, body []byte) *answer {
	described := a.operation.Responses[strconv.Itoa(status)]
	a.status = status
	for header, h := range described.Headers {
		if _, set := a.headers[header]; !set && h.Example != nil {
			a.headers[header] = fmt.Sprint(h.Example)
		}
	}
	a.headers["X-Request-Id"] = a.requestID()
	media, c, ok := preferredContent(described.Content)
	if !ok {
		return a
	}
	a.headers["Content-Type"] = media
	switch {
	case body != nil:
		a.body = body
	case len(c.Examples) == 0 && c.Schema.Type == "object":
		a.body = []byte("{}")
	case len(c.Examples) == 0:
		a.body = []byte("The mock has no text of this.\n")
	default:
		if name == "" {
			name = slices.Sorted(maps.Keys(c.Examples))[0]
		}
		a.body = c.Examples[name].Value
		if media == mediaProblem {
			a.body = a.ofThisRequest(a.body, nil)
		}
	}
	return a
}

// preferredContent is JSON where there is some, as only that has examples.
func preferredContent(all map[string]content) (media string, c content, ok bool) {
	for _, media := range []string{"application/json", mediaProblem} {
		if c, ok := all[media]; ok {
			return media, c, true
		}
	}
	for _, media := range slices.Sorted(maps.Keys(all)) {
		return media, all[media], true
	}
	return "", content{}, false
}

// ofThisRequest makes a problem's example one of the request at hand.
func (a *answer) ofThisRequest(example []byte, change map[string]any) []byte {
	var p map[string]any
	if json.Unmarshal(example, &p) != nil {
		return example
	}
	p["instance"], p["request_id"] = a.request.URL.Path, a.requestID()
	maps.Copy(p, change)
	text, err := json.Marshal(p)
	if err != nil {
		return example
	}
	return text
}

// problem answers with the example of a kind of problem, and what is wrong with this request.
func (a *answer) problem(status int, kind, detail string, wrong ...fault) *answer {
	change := map[string]any{}
	if detail != "" {
		change["detail"] = detail
	}
	if len(wrong) > 0 {
		change["errors"] = wrong
	}
	a.status = status
	a.headers["Content-Type"], a.headers["X-Request-Id"] = mediaProblem, a.requestID()
	a.headers["Cache-Control"] = "no-store"
	a.body = a.ofThisRequest(a.mock.spec.Components.Examples[kind].Value, change)
	return a
}

// preferred answers with the status and the example that the request asks for, or says which there are.
func (a *answer) preferred(p preferences) *answer {
	var there []string
	for _, status := range a.operation.statuses() {
		there = append(there, strconv.Itoa(status))
		_, c, _ := preferredContent(a.operation.Responses[strconv.Itoa(status)].Content)
		there = append(there, slices.Sorted(maps.Keys(c.Examples))...)
		_, named := c.Examples[p.example]
		if (p.code == 0 || p.code == status) && (p.example == "" || named) {
			return a.say(status, p.example, nil)
		}
	}
	delete(a.headers, "Preference-Applied")
	return a.problem(http.StatusBadRequest, "invalid-parameter", "Prefer asks for what this operation does not answer; "+
		"it has "+strings.Join(there, ", "))
}

// events answers a post: with the example, in which id and source are those of the events that were posted.
func (a *answer) events(plain string, body []byte) *answer {
	if a.media() == mediaBatch {
		return a.batch(plain, body)
	}
	var posted struct{ ID, Source string }
	if a.media() == mediaBinary {
		posted.ID, posted.Source = a.request.Header.Get("ce-id"), a.request.Header.Get("ce-source")
	} else {
		_ = json.Unmarshal(body, &posted) // it was held against the document
	}
	var accepted map[string]any
	_, c, _ := preferredContent(a.operation.Responses[strconv.Itoa(http.StatusAccepted)].Content)
	_ = json.Unmarshal(c.Examples["event"].Value, &accepted)
	if posted.ID != "" {
		accepted["id"] = posted.ID
	}
	if posted.Source != "" {
		accepted["source"] = posted.Source
	}
	a.headers["Location"] = fmt.Sprintf("/v1/events/%s?source=%s", url.PathEscape(fmt.Sprint(accepted["id"])),
		url.QueryEscape(fmt.Sprint(accepted["source"])))
	text, _ := json.Marshal(accepted) // it was JSON
	return a.say(http.StatusAccepted, "", text)
}
