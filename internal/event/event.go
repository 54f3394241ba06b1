// Package event holds what travels through the service: a CloudEvent (CloudEvents 1.0.2), its validation, and every
// wire format that it takes on the way: HTTP structured, batched, binary and plain JSON in, Kafka binary mode out and
// in, and Kafka records of producers that know nothing of CloudEvents.
//
// Data is never re-written: the bytes that a client sent are the bytes of the Kafka record's value.
package event

import "strings"

// SpecVersion is the one version of CloudEvents that is read and written.
const SpecVersion = "1.0"

// Event is one CloudEvent. An absent attribute is an empty string. If a function of this package returns an Event
// without an error, its ID, Source and Type are not empty.
type Event struct {
	ID     string
	Source string // a URI-reference; Source and ID together identify the event
	Type   string

	Subject         string
	Time            string // RFC 3339 as it came: "12:00:00.000Z" does not become "12:00:00Z" on the way
	DataContentType string
	DataSchema      string
	Extensions      []Extension // in the order in which they came

	Data []byte // nil: the event has no data, which in Kafka is a null value
}

// Extension is an extension attribute. Its value is the canonical string of the CloudEvents type system (section 3.1):
// on Kafka and in HTTP headers a number and its digits are the same.
type Extension struct {
	Name  string
	Value string
}

// Identity tells whether two events are the same event (CloudEvents 1.0.2, section 3.1.1, "id").
type Identity struct {
	Source string
	ID     string
}

// Identity returns the event's source and id.
func (e *Event) Identity() Identity { return Identity{Source: e.Source, ID: e.ID} }

// Extension returns the value of the extension attribute name, or "".
func (e *Event) Extension(name string) string {
	for _, x := range e.Extensions {
		if x.Name == name {
			return x.Value
		}
	}
	return ""
}

// PartitionKey is the Kafka record's key: the partitionkey extension, else the subject, else "", which means none.
// Events with one key keep their order; those without are spread over all partitions.
func (e *Event) PartitionKey() string {
	if k := e.Extension("partitionkey"); k != "" {
		return k
	}
	return e.Subject
}

// HasJSONData tells whether the data is JSON: its media type is */json or */*+json, or there is none, which in the JSON
// format means application/json (CloudEvents JSON format 1.0.2, section 3.1.1).
func (e *Event) HasJSONData() bool { return isJSONMediaType(e.DataContentType) }

func isJSONMediaType(contentType string) bool {
	if contentType == "" || contentType == "application/json" {
		return true
	}
	media, _, _ := strings.Cut(contentType, ";")
	_, subtype, _ := strings.Cut(strings.ToLower(strings.TrimSpace(media)), "/")
	return subtype == "json" || strings.HasSuffix(subtype, "+json")
}
