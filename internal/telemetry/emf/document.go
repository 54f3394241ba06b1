// Package emf writes the processor's metrics in CloudWatch's embedded metric format: a line on stdout for each
// invocation, of which CloudWatch Logs makes metrics. The function makes no call for them.
//
// Source: Amazon CloudWatch User Guide, "Specification: Embedded metric format".
package emf

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Namespace is where the metrics are in CloudWatch.
const Namespace = "EventProcessingService"

type metric struct {
	Name string `json:"Name"`
	Unit string `json:"Unit,omitempty"`
}

type directive struct {
	Namespace  string     `json:"Namespace"`
	Dimensions [][]string `json:"Dimensions"`
	Metrics    []metric   `json:"Metrics"`
}

// document is one line: values by name, of which the directives say which are dimensions and which are metrics.
type document struct {
	at         time.Time
	dimensions []string
	overall    bool // counted for the first dimension alone, too: an alarm can't add up types that it does not know
	metrics    []metric
	values     map[string]any
}

// What replaces values that CloudWatch does not accept for a dimension, or of which there are too many.
const (
	noValue    = "(none)"
	otherValue = "(other)"
)

// maxDimension is CloudWatch's limit of a value.
const maxDimension = 1024

// dimensionValue returns value as CloudWatch takes it: 1 to 1,024 printable ASCII characters, one of them not a space,
// and no colon at the start (CloudWatch API reference, "Dimension"). A document with another value is dropped as a
// whole.
func dimensionValue(value string) string {
	if strings.TrimSpace(value) == "" {
		return noValue
	}
	isBad := func(c rune) bool { return c < ' ' || c > '~' }
	if len(value) > maxDimension || value[0] == ':' || strings.ContainsFunc(value, isBad) {
		return otherValue
	}
	return value
}

func (d *document) dimension(name, value string) {
	d.dimensions = append(d.dimensions, name)
	d.values[name] = dimensionValue(value)
}

// metric adds a number, or an array of up to 100 of them.
func (d *document) metric(name, unit string, value any) {
	d.metrics = append(d.metrics, metric{name, unit})
	d.values[name] = value
}

// line is the document as a line of the log, with the members that all lines have.
func (d *document) line() ([]byte, error) {
	directives := []directive{{Namespace: Namespace, Dimensions: [][]string{d.dimensions}, Metrics: d.metrics}}
	if d.overall { // a directive of its own, which a fault of the other dimension does not touch
		overall := directive{Namespace: Namespace, Dimensions: [][]string{d.dimensions[:1]}, Metrics: d.metrics}
		directives = append(directives, overall)
	}
	d.values["time"] = d.at.UTC().Format(time.RFC3339Nano)
	d.values["level"] = "INFO"
	d.values["_aws"] = map[string]any{
		"Timestamp":         d.at.UnixMilli(),
		"CloudWatchMetrics": directives,
	}
	text, err := json.Marshal(d.values)
	if err != nil {
		return nil, fmt.Errorf("encode metrics: %w", err)
	}
	return append(text, '\n'), nil
}
