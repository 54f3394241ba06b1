package serve_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/twmb/franz-go/pkg/kfake"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"event-processing-service/cmd/internal/assembly"
	"event-processing-service/cmd/internal/programtest"
	"event-processing-service/cmd/internal/serve"
	"event-processing-service/internal/settings"
	"event-processing-service/internal/store"
	"event-processing-service/internal/telemetry"
	"event-processing-service/internal/telemetry/metrics"
	"event-processing-service/internal/telemetry/tracing"
	"event-processing-service/internal/trigger"
	"event-processing-service/schemas"
)

// whole is the service in one process, as cmd/local runs it, with its spans.
type whole struct {
	t       *testing.T
	url     string
	cluster *kfake.Cluster
	metrics *metrics.Metrics
	log     *programtest.Output
	emf     *programtest.Output
	events  *store.Memory
	spans   func() tracetest.SpanStubs
}

// start runs the service, with or without spans.
func start(t *testing.T, traced bool, change ...func(*settings.API)) *whole {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "events", "events.dlq"))
	if err != nil {
		t.Fatalf("start broker: %v", err)
	}
	t.Cleanup(cluster.Close)
	w := &whole{t: t, cluster: cluster, log: &programtest.Output{}, emf: &programtest.Output{},
		events: store.NewMemory(time.Hour)}
	exporter, traces := tracetest.NewInMemoryExporter(), tracing.Off()
	w.spans = exporter.GetSpans
	if traced {
		traces = tracing.On(sdk.WithSyncer(exporter))
	}
	k := settings.Kafka{Brokers: cluster.ListenAddrs(), Topic: "events", Auth: settings.AuthNone}
	env := settings.API{Kafka: k, AccessLogOneIn: 1, PublishTimeout: 10 * time.Second}
	for _, f := range change {
		f(&env)
	}
	a := assembly.New(t.Context(), telemetry.NewLogger(w.log, slog.LevelDebug))
	program, err := serve.New(t.Context(), a, env, serve.Parts{Outcomes: w.events, Tracing: traces})
	if err != nil {
		t.Fatalf("make the API: %v", err)
	}
	w.metrics = program.Metrics
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	w.url = "http://" + ln.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	served, mapped := make(chan error, 1), make(chan error, 1)
	go func() { served <- program.Serve(ctx, ln, time.Second) }()

	function, closeFunction,
		err := a.Function(t.Context(), settings.Processor{Kafka: k, DeadLetterTopic: "events.dlq", MaxAttempts: 2},
		assembly.FunctionParts{Store: w.events, Tracing: traces, Metrics: w.emf, Group: "processor"})
	if err != nil {
		t.Fatalf("make processor: %v", err)
	}
	opts, err := a.ClientOptions(k, "trigger")
	if err != nil {
		t.Fatalf("make options: %v", err)
	}
	mapping, err := trigger.New(trigger.Config{
		Topic: "events", ConsumerGroup: "processor", ClientOptions: opts, BatchWindow: 10 * time.Millisecond,
		ShutdownGrace: time.Second,
	}, trigger.InProcess(function, trigger.Function{}))
	if err != nil {
		t.Fatalf("make trigger: %v", err)
	}
	go func() { mapped <- mapping.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		http.DefaultClient.CloseIdleConnections()
		<-served
		<-mapped
		closeFunction()
		program.Close(ctx)
	})
	return w
}

// post posts an event and waits until it is processed.
func (w *whole) post(id string, headers ...string) *http.Response {
	w.t.Helper()
	body := `{"specversion":"1.0","id":"` + id +
		`","source":"/test","type":"com.example.test","data":{"secret":"do-not-log"}}`
	req, err := http.NewRequest(http.MethodPost, w.url+"/v1/events", strings.NewReader(body))
	if err != nil {
		w.t.Fatalf("make request: %v", err)
	}
	req.Header.Set("Content-Type", "application/cloudevents+json")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatalf("post event: %v", err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusAccepted {
		w.t.Fatalf("the API answers %s: %s", resp.Status, text)
	}
	w.eventually("the event is processed", func() bool {
		return strings.Contains(w.log.String(), `"msg":"event processed"`) && strings.Contains(w.emf.String(), "\n")
	})
	return resp
}

func (w *whole) eventually(what string, is func() bool) {
	w.t.Helper()
	for end := time.Now().Add(10 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("not within 10 s: %s\nlog: %s", what, w.log.String())
		}
	}
}

const (
	traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	parent  = "00-" + traceID + "-00f067aa0ba902b7-01"
)

func TestOneTraceLeadsFromTheRequestToTheStoresWrite(t *testing.T) {
	w := start(t, true)
	w.post("traced", "traceparent", parent, "tracestate", "vendor=x")
	chain := []string{"POST /v1/events", "send events", "process events", "finish event"}
	w.eventually("every span has ended", func() bool { return len(w.spans()) >= len(chain)+1 })

	// Each span of the chain is a child of the previous one, and all belong to the client's trace.
	above := "00f067aa0ba902b7"
	for _, name := range chain {
		found := false
		for _, s := range w.spans() {
			if s.Name == name && s.SpanContext.TraceID().String() == traceID && s.Parent.SpanID().String() == above {
				above, found = s.SpanContext.SpanID().String(), true
				if state := s.SpanContext.TraceState().String(); state != "vendor=x" {
					t.Errorf("%s has tracestate %q", name, state)
				}
				break
			}
		}
		if !found {
			t.Fatalf("no span %q below %s in %+v", name, above, names(w.spans()))
		}
	}
	for _, s := range w.spans() { // the batch's own span belongs to no client's trace, but links to it
		if s.SpanKind == trace.SpanKindConsumer && s.SpanContext.TraceID().String() != traceID {
			if len(s.Links) != 1 || s.Links[0].SpanContext.TraceID().String() != traceID {
				t.Errorf("the batch has links %+v, want one to trace %s", s.Links, traceID)
			}
			return
		}
	}
	t.Error("the batch has no span")
}

func names(spans tracetest.SpanStubs) (all []string) {
	for _, s := range spans {
		all = append(all,
			s.Name+" "+s.SpanContext.TraceID().String()[:4]+" "+s.SpanContext.SpanID().String()+
				" below "+s.Parent.SpanID().String())
	}
	return all
}

func TestAMalformedTraceparentStartsANewTrace(t *testing.T) {
	w := start(t, true)
	for _, bad := range []string{
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01", "00-" + traceID + "-0000000000000000-01",
		"ff-" + traceID + "-00f067aa0ba902b7-01", "00-" + strings.ToUpper(traceID) + "-00f067aa0ba902b7-01",
		parent + "-x", "x",
	} {
		w.post("bad", "traceparent", bad, "tracestate", "vendor=x")
	}
	for _, s := range w.spans() {
		if strings.EqualFold(s.SpanContext.TraceID().String(), traceID) || !s.SpanContext.IsValid() ||
			s.SpanContext.TraceState().Len() != 0 {
			t.Errorf("%s is of trace %s with state %q", s.Name, s.SpanContext.TraceID(), s.SpanContext.TraceState())
		}
	}
}

func TestWithoutSpansATraceStillGoesOnToTheProcessorsLog(t *testing.T) {
	w := start(t, false)
	w.post("passed", "traceparent", parent)
	for line := range strings.Lines(w.log.String()) {
		if strings.Contains(line, `"msg":"event processed"`) && !strings.Contains(line, `"trace_id":"`+traceID+`"`) {
			t.Errorf("the line does not name the trace: %s", line)
		}
	}
	if n := len(w.spans()); n != 0 {
		t.Errorf("%d spans were made", n)
	}
}

func TestMetricsOfAWholeRunPassPromlint(t *testing.T) {
	w := start(t, false)
	w.post("counted")
	resp, err := http.Get(w.url + "/nowhere")
	if err != nil {
		t.Fatalf("ask for nothing: %v", err)
	}
	resp.Body.Close()
	families, err := w.metrics.Registry.Gather()
	if err != nil {
		t.Fatalf("gather: %v", err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatalf("lint: %v", err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	have := map[string]bool{}
	for _, f := range families {
		have[f.GetName()] = true
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "http_route" && l.GetValue() != "" && l.GetValue() != "/v1/events" {
					t.Errorf("%s has the route %q, which no route is", f.GetName(), l.GetValue())
				}
			}
		}
	}
	for _, name := range []string{"http_server_request_duration_seconds", "http_server_active_requests",
		"events_accepted_total", "events_rejected_total",
		"messaging_client_operation_duration_seconds", "kafka_producer_buffered_records", "kafka_produce_batch_records",
		"go_goroutines", "process_cpu_seconds_total",
		"event_processing_service_build_info"} {
		if !have[name] {
			t.Errorf("%s is missing", name)
		}
	}
}

func TestTheProgramHoldsDataAgainstTheRepositorysSchemas(t *testing.T) {
	set, err := schemas.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	w := start(t, false)
	for _, eventType := range set.Types() {
		resp, err := http.Get(w.url + "/v1/schemas/" + eventType)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("the schema of %s is answered with %s", eventType, resp.Status)
		}
	}
}
