// Package emf writes the processor's metrics in CloudWatch's embedded metric format: a line on stdout for each invocation,
// of which CloudWatch Logs makes metrics. The function makes no call for them.
//
// Source: Amazon CloudWatch User Guide, "Specification: Embedded metric format".
package emf

import (
	"encoding/json"
	"fmt"
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

// document is one line: values by name, of which the directive says which are dimensions and which are metrics.
type document struct {
	at         time.Time
	dimensions []string
	overall    bool // counted for the first dimension alone, too: an alarm can't add up types that it does not know
	metrics    []metric
	values     map[string]any
}

func (d *document) dimension(name, value string) {
	d.dimensions = append(d.dimensions, name)
	d.values[name] = value
}

// metric adds a number, or an array of up to 100 of them.
func (d *document) metric(name, unit string, value any) {
	d.metrics = append(d.metrics, metric{name, unit})
	d.values[name] = value
}

// line is the document as a line of the log, with the members that all lines have.
func (d *document) line() ([]byte, error) {
	sets := [][]string{d.dimensions}
	if d.overall {
		sets = append(sets, d.dimensions[:1])
	}
	d.values["time"] = d.at.UTC().Format(time.RFC3339Nano)
	d.values["level"] = "INFO"
	d.values["_aws"] = map[string]any{
		"Timestamp":         d.at.UnixMilli(),
		"CloudWatchMetrics": []directive{{Namespace: Namespace, Dimensions: sets, Metrics: d.metrics}},
	}
	text, err := json.Marshal(d.values)
	if err != nil {
		return nil, fmt.Errorf("encode metrics: %w", err)
	}
	return append(text, '\n'), nil
}
