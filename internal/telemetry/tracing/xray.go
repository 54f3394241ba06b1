package tracing

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"
)

// daemon sends spans to the X-Ray daemon, one datagram each. Lambda runs one beside every function that has active
// tracing: no collector in the function's package, no wait for one at the end of a batch, and no way out of the VPC is
// needed.
//
// Source: AWS X-Ray Developer Guide, "Sending trace data to X-Ray" and "X-Ray segment documents".
type daemon struct {
	conn     net.Conn
	logGroup string // shown beside the trace; may be ""
}

// daemonHeader goes before each document.
const daemonHeader = `{"format":"json","version":1}` + "\n"

// defaultDaemon is where the daemon listens if nothing else is said.
const defaultDaemon = "127.0.0.1:2000"

func newDaemon(lookup func(string) (string, bool)) (*daemon, error) {
	text, _ := lookup("AWS_XRAY_DAEMON_ADDRESS")
	address := cmp.Or(strings.TrimSpace(text), defaultDaemon)
	for field := range strings.FieldsSeq(address) { // or "tcp:HOST:PORT udp:HOST:PORT", in any order
		if udp, found := strings.CutPrefix(field, "udp:"); found {
			address = udp
		}
	}
	conn, err := net.Dial("udp", address) // sends nothing
	if err != nil {
		return nil, fmt.Errorf("AWS_XRAY_DAEMON_ADDRESS=%q: must be host:port: %w", text, err)
	}
	group, _ := lookup("AWS_LAMBDA_LOG_GROUP_NAME")
	return &daemon{conn: conn, logGroup: group}, nil
}

// ExportSpans sends each span. What can't be sent is lost; the error is the last one's.
func (d *daemon) ExportSpans(_ context.Context, spans []sdk.ReadOnlySpan) error {
	var failed error
	for _, s := range spans {
		document, err := json.Marshal(d.segment(s))
		if err == nil {
			_, err = d.conn.Write(append([]byte(daemonHeader), document...))
		}
		if err != nil {
			failed = fmt.Errorf("send span to X-Ray: %w", err)
		}
	}
	return failed
}

// Shutdown has nothing to do: the provider has flushed before.
func (d *daemon) Shutdown(context.Context) error { return d.conn.Close() }

// segment is X-Ray's document of a span. A segment is the work of one service on a request, and a node of the map;
// a subsegment is a part of it.
type segment struct {
	Name        string                           `json:"name"`
	ID          string                           `json:"id"`
	TraceID     string                           `json:"trace_id"`
	ParentID    string                           `json:"parent_id,omitempty"`
	Type        string                           `json:"type,omitempty"`
	Namespace   string                           `json:"namespace,omitempty"`
	Start       float64                          `json:"start_time"` // seconds since 1970
	End         float64                          `json:"end_time"`
	Fault       bool                             `json:"fault,omitempty"`
	Cause       *segmentCause                    `json:"cause,omitempty"`
	Service     map[string]string                `json:"service,omitempty"`
	AWS         map[string]any                   `json:"aws,omitempty"`
	Annotations map[string]any                   `json:"annotations,omitempty"`
	Metadata    map[string]map[attribute.Key]any `json:"metadata,omitempty"`
	Links       []segmentLink                    `json:"links,omitempty"`
}

type segmentCause struct {
	Exceptions []segmentException `json:"exceptions"`
}

type segmentException struct {
	ID      string `json:"id"`
	Message string `json:"message"`
}

type segmentLink struct {
	TraceID string `json:"trace_id"`
	ID      string `json:"id"`
}

// Indexed are the attributes that traces are searched by. The stack's collector has the same list for the API's spans.
var Indexed = []attribute.Key{
	semconv.ErrorTypeKey, semconv.MessagingDestinationNameKey, semconv.MessagingDestinationPartitionIDKey,
	semconv.MessagingKafkaOffsetKey,
}

func (d *daemon) segment(s sdk.ReadOnlySpan) segment {
	id := s.SpanContext()
	doc := segment{
		Name: segmentName(s.Name()), ID: id.SpanID().String(), TraceID: xrayTraceID(id.TraceID()),
		Start: float64(s.StartTime().UnixMicro()) / 1e6, End: float64(s.EndTime().UnixMicro()) / 1e6,
		Annotations: map[string]any{},
	}
	if s.Parent().IsValid() {
		doc.ParentID = s.Parent().SpanID().String()
	}
	if isPart(s) {
		doc.Type = "subsegment"
		if kind := s.SpanKind(); kind == trace.SpanKindClient || kind == trace.SpanKindProducer {
			doc.Namespace = "remote"
		}
	} else {
		resource := s.Resource().Set()
		if name, ok := resource.Value(semconv.ServiceNameKey); ok {
			doc.Name = segmentName(name.AsString())
		}
		if version, ok := resource.Value(semconv.ServiceVersionKey); ok {
			doc.Service = map[string]string{"version": version.AsString()}
		}
		if stage, ok := resource.Value(semconv.DeploymentEnvironmentNameKey); ok {
			// as the collector calls it
			doc.Annotations["otel.resource."+string(semconv.DeploymentEnvironmentNameKey)] = stage.AsString()
		}
		if d.logGroup != "" {
			doc.AWS = map[string]any{"cloudwatch_logs": []map[string]string{{"log_group": d.logGroup}}}
		}
	}
	attributes := map[attribute.Key]any{"span.name": s.Name()}
	for _, kv := range s.Attributes() {
		attributes[kv.Key] = kv.Value.AsInterface()
		if slices.Contains(Indexed, kv.Key) {
			doc.Annotations[string(kv.Key)] = kv.Value.AsInterface()
		}
	}
	doc.Metadata = map[string]map[attribute.Key]any{"default": attributes}
	for _, l := range s.Links() {
		doc.Links = append(doc.Links, segmentLink{xrayTraceID(l.SpanContext.TraceID()), l.SpanContext.SpanID().String()})
	}
	if status := s.Status(); status.Code == codes.Error {
		doc.Fault, doc.Cause = true, &segmentCause{[]segmentException{{ID: doc.ID, Message: status.Description}}}
	}
	return doc
}

// isPart tells whether another span's segment contains this one: its parent is of this process. Lambda makes no segment
// for an invocation by a Kafka mapping, so that nothing of AWS's contains a span of ours.
//
// Source: AWS Lambda Developer Guide, "Visualize Lambda function invocations using AWS X-Ray".
func isPart(s sdk.ReadOnlySpan) bool {
	return s.Parent().IsValid() && !s.Parent().IsRemote()
}

// xrayTraceID is W3C's id in X-Ray's format. Since 2023 X-Ray accepts random ids, without a time in the first part.
func xrayTraceID(id trace.TraceID) string {
	text := id.String()
	return "1-" + text[:8] + "-" + text[8:]
}

// segmentName leaves out what X-Ray allows in no name. It is at most 200 characters long.
func segmentName(name string) string {
	name = strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune(" _.:/%&#=+\\-@", c) {
			return c
		}
		return -1
	}, name)
	return cmp.Or(name[:min(len(name), 200)], "span")
}
