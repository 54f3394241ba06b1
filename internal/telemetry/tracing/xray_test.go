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

// processor sets tracing up as the stack has the function set it up, with a daemon of the test's own, and lets the
// function process a batch of one record. It returns the documents that the daemon got, by name.
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
	traces, err := tracing.Setup(t.Context(),
		func(name string) (string, bool) { v, ok := environment[name]; return v, ok }, "processor", "v1")
	if err != nil {
		t.Fatalf("set up: %v", err)
	}
	defer traces.Close(t.Context())

	headers := []event.Header{{Key: "traceparent", Value: []byte("00-" + clientTrace + "-" + sendSpan + "-01")}}
	store := telemetry.TraceStore(forgetful{}, "dynamodb")
	handle := telemetry.TraceFunction(func(ctx context.Context, _ *payload.Batch) (payload.Response, error) {
		ctx, end := telemetry.StartRecord(ctx,
			&event.Record{Place: event.Place{Topic: "events", Partition: 3, Offset: 42}, Headers: headers})
		_, _ = store.Finish(ctx, event.Claim{}, event.Outcome{})
		end(failure)
		return payload.Response{}, nil
	}, traces, "", traces.Flush)
	batch := &payload.Batch{
		Partitions: []payload.Partition{
			{Name: "events-3", Records: []payload.Record{{Place: event.Place{Topic: "events"}, Headers: headers}}}}}
	//nolint:staticcheck // aws-lambda-go's own key
	ctx := context.WithValue(t.Context(), "x-amzn-trace-id", lambdaHeader+sampled)
	ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{AwsRequestID: "request-1"})
	if _, err := handle(ctx, batch); err != nil {
		t.Fatalf("handle: %v", err)
	}
	return received(t, at)
}

type forgetful struct{}

func (forgetful) Begin(context.Context, event.Claim) (event.Reply, error) { return event.Reply{}, nil }
func (forgetful) Renew(context.Context, event.Claim) (event.Reply, error) { return event.Reply{}, nil }
func (forgetful) Finish(context.Context, event.Claim, event.Outcome) (event.Reply, error) {
	return event.Reply{}, nil
}
func (forgetful) Release(context.Context, event.Claim, int, string) error { return nil }

// rootSegment is what received calls the segment without a parent.
const rootSegment = "(root)"

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
		if d.ParentID == "" {
			all[rootSegment] = d
			continue
		}
		all[d.Name] = d
	}
}

func TestARecordIsASegmentOfItsRequestsTraceAndTheBatchARootSegment(t *testing.T) {
	got := processor(t, "1", nil)
	record, write, batch := got["shop-processor"], got["finish event"], got[rootSegment]
	want := document{
		Name: "shop-processor", ID: record.ID, TraceID: "1-4bf92f35-77b34da6a3ce929d0e0e4736", ParentID: sendSpan,
		Service: map[string]string{"version": "v1"},
		Annotations: map[string]any{
			"messaging.destination.name": "events", "messaging.destination.partition.id": "3", "messaging.kafka.offset": 42.0,
			"otel.resource.deployment.environment.name": "prod",
		},
		Links: []map[string]string{{"trace_id": batch.TraceID, "id": batch.ID}},
	}
	if diff := cmp.Diff(want, record); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	want = document{Name: "finish event", ID: write.ID, TraceID: want.TraceID, ParentID: record.ID, Type: "subsegment",
		Namespace: "remote", Annotations: map[string]any{}}
	if diff := cmp.Diff(want, write, ignoreEmpty); diff != "" {
		t.Errorf("write (-want +got):\n%s", diff)
	}
	// Lambda makes no segment of an invocation by a Kafka mapping: the batch is a trace of its own, which leads to the
	// requests by its links.
	want = document{
		Name: "shop-processor", ID: batch.ID, TraceID: batch.TraceID, Service: map[string]string{"version": "v1"},
		Annotations: map[string]any{"messaging.destination.name": "events",
			"otel.resource.deployment.environment.name": "prod"},
		Links: []map[string]string{{"trace_id": "1-4bf92f35-77b34da6a3ce929d0e0e4736", "id": sendSpan}},
	}
	if diff := cmp.Diff(want, batch); diff != "" {
		t.Errorf("batch (-want +got):\n%s", diff)
	}
}

var ignoreEmpty = cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Annotations" }, cmp.Ignore())

func TestLambdasHeaderDoesNotDecideAboutTraces(t *testing.T) {
	got := processor(t, "0", nil)
	if batch := got[rootSegment]; batch.TraceID == "" || strings.HasPrefix(batch.TraceID, "1-5759e988") {
		t.Errorf("the batch is part of a segment that nobody sends, or is not sent: %+v", got)
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
