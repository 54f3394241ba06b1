package tracing_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/go-cmp/cmp"

	"event-processing-service/internal/event"
	"event-processing-service/internal/payload"
	"event-processing-service/internal/telemetry"
	"event-processing-service/internal/telemetry/tracing"
)

const (
	clientTrace  = "4bf92f3577b34da6a3ce929d0e0e4736"
	sendSpan     = "00f067aa0ba902b7"
	lambdaHeader = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled="
)

// document is what the daemon gets, as far as the tests look at it.
type document struct {
	Name, Type, Namespace string
	ID                    string
	TraceID               string `json:"trace_id"`
	ParentID              string `json:"parent_id"`
	Fault                 bool
	Service               map[string]string
	Annotations           map[string]any
	Links                 []map[string]string
}

// processor sets tracing up as the stack has the function set it up, with a daemon of the test's own, and lets the function
// process a batch of one record. It returns the documents that the daemon got, by name.
func processor(t *testing.T, sampled string, failure error) map[string]document {
	t.Helper()
	at, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	defer at.Close()
	t.Setenv("OTEL_SERVICE_NAME", "shop-processor")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=prod")
	environment := map[string]string{"OTEL_TRACES_EXPORTER": "xray", "AWS_XRAY_DAEMON_ADDRESS": at.LocalAddr().String()}
	traces, err := tracing.Setup(t.Context(), func(name string) (string, bool) { v, ok := environment[name]; return v, ok }, "processor", "v1")
	if err != nil {
		t.Fatalf("set up: %v", err)
	}
	defer traces.Close(t.Context())

	headers := []event.Header{{Key: "traceparent", Value: []byte("00-" + clientTrace + "-" + sendSpan + "-01")}}
	store := telemetry.TraceStore(forgetful{}, "dynamodb")
	handle := telemetry.TraceHandle(func(ctx context.Context, _ *payload.Batch) (struct{}, error) {
		ctx, end := telemetry.StartRecord(ctx, &event.Record{Topic: "events", Partition: 3, Offset: 42, Headers: headers})
		_, _ = store.Finish(ctx, event.Claim{}, event.Outcome{})
		end(failure)
		return struct{}{}, nil
	}, traces, "", traces.Flush)
	batch := &payload.Batch{Partitions: []payload.Partition{{Name: "events-3", Records: []payload.Record{{Topic: "events", Headers: headers}}}}}
	ctx := context.WithValue(t.Context(), "x-amzn-trace-id", lambdaHeader+sampled) //nolint:staticcheck // aws-lambda-go's own key
	ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{AwsRequestID: "request-1"})
	if _, err := handle(traces.Invoked(ctx), batch); err != nil {
		t.Fatalf("handle: %v", err)
	}
	return received(t, at)
}

type forgetful struct{}

func (forgetful) Begin(_ context.Context, c event.Claim) (event.Claim, error) { return c, nil }
func (forgetful) Finish(_ context.Context, c event.Claim, _ event.Outcome) (event.Claim, error) {
	return c, nil
}

func received(t *testing.T, at net.PacketConn) map[string]document {
	t.Helper()
	all := map[string]document{}
	buffer := make([]byte, 64<<10)
	for {
		// Everything was written before: what is not there after a moment is not sent.
		_ = at.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		n, _, err := at.ReadFrom(buffer)
		if err != nil {
			return all
		}
		header, text, _ := strings.Cut(string(buffer[:n]), "\n")
		var d document
		if err := json.Unmarshal([]byte(text), &d); err != nil || header != `{"format":"json","version":1}` {
			t.Fatalf("the daemon would not read %q: %v", buffer[:n], err)
		}
		all[d.Name] = d
	}
}

func TestARecordIsASegmentOfItsRequestsTraceAndTheBatchOneOfLambdas(t *testing.T) {
	got := processor(t, "1", nil)
	record, write, batch := got["shop-processor"], got["finish event"], got["process events"]
	want := document{
		Name: "shop-processor", ID: record.ID, TraceID: "1-4bf92f35-77b34da6a3ce929d0e0e4736", ParentID: sendSpan, Service: map[string]string{"version": "v1"},
		Annotations: map[string]any{
			"messaging.destination.name": "events", "messaging.destination.partition.id": "3", "messaging.kafka.offset": 42.0,
			"otel.resource.deployment.environment.name": "prod",
		},
		Links: []map[string]string{{"trace_id": "1-5759e988-bd862e3fe1be46a994272793", "id": batch.ID}},
	}
	if diff := cmp.Diff(want, record); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	want = document{Name: "finish event", ID: write.ID, TraceID: want.TraceID, ParentID: record.ID, Type: "subsegment", Namespace: "remote", Annotations: map[string]any{}}
	if diff := cmp.Diff(want, write, ignoreEmpty); diff != "" {
		t.Errorf("write (-want +got):\n%s", diff)
	}
	// Lambda has made the segment of the invocation: ours is a part of it, and leads to the requests by its links.
	want = document{
		Name: "process events", ID: batch.ID, TraceID: "1-5759e988-bd862e3fe1be46a994272793", ParentID: "53995c3f42cd8ad8", Type: "subsegment",
		Annotations: map[string]any{"messaging.destination.name": "events"},
		Links:       []map[string]string{{"trace_id": "1-4bf92f35-77b34da6a3ce929d0e0e4736", "id": sendSpan}},
	}
	if diff := cmp.Diff(want, batch); diff != "" {
		t.Errorf("batch (-want +got):\n%s", diff)
	}
}

var ignoreEmpty = cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Annotations" }, cmp.Ignore())

func TestLambdasSamplingDoesNotDecideAboutARequestsTrace(t *testing.T) {
	got := processor(t, "0", nil)
	if _, sent := got["process events"]; sent {
		t.Error("the batch is sent, though Lambda does not trace the invocation")
	}
	if record := got["shop-processor"]; record.ParentID != sendSpan {
		t.Errorf("the record of a traced request is not sent: %+v", got)
	}
}

func TestAnUnfinishedRecordIsAFaultThatCanBeSearched(t *testing.T) {
	record := processor(t, "1", errors.New("no warehouse"))["shop-processor"]
	if !record.Fault || record.Annotations["error.type"] != "unfinished" {
		t.Errorf("got %+v", record)
	}
}

// With a collector, Lambda's segments and the spans are in two places: the invocation must not decide about the spans.
func TestElsewhereTheInvocationIsNoParent(t *testing.T) {
	environment := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
	traces, err := tracing.Setup(t.Context(), func(name string) (string, bool) { v, ok := environment[name]; return v, ok }, "s", "v")
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.WithValue(t.Context(), "x-amzn-trace-id", lambdaHeader+"0") //nolint:staticcheck // aws-lambda-go's own key
	_, span := traces.Tracer("").Start(traces.Invoked(ctx), "batch")
	if !span.IsRecording() || strings.HasPrefix(span.SpanContext().TraceID().String(), "5759e988") {
		t.Errorf("span %v, recording: %v", span.SpanContext(), span.IsRecording())
	}
}
