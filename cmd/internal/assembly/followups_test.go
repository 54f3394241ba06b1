package assembly_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"

	"event-processing-service/cmd/internal/assembly"
	"event-processing-service/internal/event"
	"event-processing-service/internal/kafka"
	"event-processing-service/internal/payload"
	"event-processing-service/internal/telemetry/tracing"
	"event-processing-service/processor"
)

const invocation = `{"records":{"events-0":[{"topic":"events","partition":0,"offset":1,"value":"{}","headers":[
	{"ce_specversion":[49,46,48]},{"ce_id":[111]},{"ce_source":[47,115]},{"ce_type":[116]},
	{"x-request-id":[114,49]},{"x-client":[115,104,111,112]},
	{"traceparent":[48,48,45,52,98,102,57,50,102,51,53,55,55,98,51,52,100,97,54,97,51,99,101,57,50,57,100,48,101,48,101,
	52,55,51,54,45,48,48,102,48,54,55,97,97,48,98,97,57,48,50,98,55,45,48,49]}]}]}}`

func publishing(_ context.Context, mux *processor.Mux, deps *processor.Deps) (func(), error) {
	mux.HandleFunc("t", func(ctx context.Context, _ event.Event) error {
		return deps.Publish(ctx, processor.FollowUp{Type: "u", Subject: "k", Data: map[string]int{"n": 1}})
	})
	return func() {}, nil
}

// publisher is a function whose handler publishes.
func publisher(t *testing.T, brokers ...string) payload.Function {
	t.Helper()
	a := assembly.New(t.Context(), slog.New(slog.DiscardHandler))
	a.Sets = processor.Sets{{Register: publishing}}
	function, closeAll, err := a.Function(t.Context(), settingsOf(brokers...),
		assembly.FunctionParts{Tracing: tracing.Off()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(closeAll)
	return function
}

func TestAFollowUpIsInKafkaWithTheRequestItsCauseCameWith(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "events", "events.dlq"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	function := publisher(t, cluster.ListenAddrs()...)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := function.Invoke(ctx, []byte(invocation)); err != nil {
		t.Fatal(err)
	}
	reader := kafka.NewRecordTopic(
		kafka.Config{Brokers: cluster.ListenAddrs(), Auth: kafka.AuthNone}, kafka.ProducerConfig{}, "events")
	defer reader.Close()
	var got []map[string]string
	for r, err := range reader.Since(ctx, time.Now().Add(-time.Hour)) {
		if err != nil {
			t.Fatal(err)
		}
		one := map[string]string{"key": string(r.Key), "value": string(r.Value)}
		for _, h := range r.Headers {
			one[h.Key] = string(h.Value)
		}
		got = append(got, one)
	}
	if len(got) != 1 {
		t.Fatalf("%d follow-ups, want 1", len(got))
	}
	want := map[string]string{
		"key": "k", "value": `{"n":1}`, "ce_type": "u", "ce_source": event.FollowUpSource, "ce_subject": "k",
		"ce_specversion": "1.0", "content-type": "application/json", "ce_causationid": "o", "ce_correlationid": "o",
		"ce_causationhops": "1", "x-request-id": "r1", "x-client": "shop",
		"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"ce_id":       got[0]["ce_id"], "ce_time": got[0]["ce_time"],
	}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAFunctionWhoseFollowUpHasNoBrokerAnswersWithinTheTimeOfItsInvocation(t *testing.T) {
	function := publisher(t, "127.0.0.1:1")
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if _, err := function.Invoke(ctx, []byte(invocation)); err == nil || ctx.Err() != nil {
		t.Errorf("it answers %v; the invocation: %v", err, ctx.Err())
	}
}
