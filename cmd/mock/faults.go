package main

import (
	"encoding/json"
	"mime"
	"net/http"
	"strings"

	problems "github.com/pb33f/libopenapi-validator/errors"
)

// fault is what a problem's errors has of one mistake.
type fault struct {
	Pointer   string `json:"pointer,omitempty"`
	Header    string `json:"header,omitempty"`
	Parameter string `json:"parameter,omitempty"`
	Detail    string `json:"detail"`
}

// faults are a validator's complaints, as the API words where they are.
func faults(all []*problems.ValidationError) (found []fault) {
	for _, p := range all {
		if len(p.SchemaValidationErrors) == 0 {
			found = append(found, fault{Parameter: p.ParameterName, Detail: p.Message + ": " + p.Reason})
		}
		for _, s := range p.SchemaValidationErrors {
			pointer := ""
			for _, step := range s.InstancePath {
				pointer += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(step)
			}
			f := fault{Pointer: pointer, Detail: s.Reason}
			if p.ParameterName != "" {
				f = fault{Parameter: p.ParameterName, Detail: s.Reason}
			}
			found = append(found, f)
		}
	}
	return found
}

const (
	mediaBatch  = "application/cloudevents-batch+json"
	mediaEvent  = "application/cloudevents+json"
	mediaBinary = "application/octet-stream"
)

// media is what a request's body is taken for: a media type of the document, or binary mode, which takes bodies of any.
func (a *answer) media() string {
	media, _, err := mime.ParseMediaType(a.request.Header.Get("Content-Type"))
	if _, described := a.operation.RequestBody.Content[media]; err == nil && described && media != mediaBinary {
		return media
	}
	if a.request.Header.Get("ce-specversion") != "" {
		return mediaBinary
	}
	return ""
}

// refuse returns what is wrong with a request, or nil. The events of a batch are looked at one by one, later.
func (a *answer) refuse(plain string, body []byte) *answer {
	if !a.acceptable() {
		return a.problem(http.StatusNotAcceptable, "not-acceptable", "the mock has its examples in JSON")
	}
	media := ""
	if len(a.operation.RequestBody.Content) > 0 {
		switch media = a.media(); media {
		case "":
			return a.problem(http.StatusUnsupportedMediaType, "unsupported-media-type",
				"this media type is none of a CloudEvent, and there are no ce- headers")
		case mediaBinary:
			var missing []fault
			for _, name := range []string{"ce-id", "ce-source", "ce-type"} {
				if a.request.Header.Get(name) == "" {
					missing = append(missing, fault{Header: name, Detail: "is required and must not be empty"})
				}
			}
			if len(missing) > 0 {
				return a.problem(http.StatusBadRequest, "invalid-event", "", missing...)
			}
			return nil
		}
		if !json.Valid(body) {
			return a.problem(http.StatusBadRequest, "malformed-request", "the body is not valid JSON")
		}
		var events []json.RawMessage
		if media == mediaBatch && json.Unmarshal(body, &events) == nil {
			return nil
		}
	}
	wrong := a.mock.valid(a.request, plain, media, body)
	if len(wrong) == 0 {
		return nil
	}
	if media != "" {
		return a.problem(http.StatusBadRequest, "invalid-event", "", wrong...)
	}
	return a.problem(http.StatusBadRequest, "invalid-parameter", "", wrong...)
}
