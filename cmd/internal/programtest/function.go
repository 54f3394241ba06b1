package programtest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/internal/event"
	"event-processing-service/internal/payload"
	"event-processing-service/internal/settings"
	"event-processing-service/processor"
)

// Function is a function that can be invoked.
type Function struct {
	Function payload.Function
	Log      func() string
	env      settings.Processor
	dead     func(topic string) int // number of records in a topic
}

// StartFunction starts a function in this environment. Its handlers must be Failing.
type StartFunction func(t *testing.T, env settings.Lookup) *Function

// Failing are two equal sets of handlers.
var Failing = processor.Sets{{Register: registerFailing}, {Name: "audit", Register: registerFailing}}

// registerFailing registers handlers that fail: always, at their time-out, or when more than four run at once; and one
// that publishes an event.
func registerFailing(_ context.Context, mux *processor.Mux, deps *processor.Deps) (func(), error) {
	mux.HandleFunc("publishing", func(ctx context.Context, _ event.Event) error {
		return deps.Publish(ctx, processor.FollowUp{Type: "followup", Data: 1})
	})
	mux.HandleFunc("failing", func(context.Context, event.Event) error { return errors.New("fails each time") })
	mux.HandleFunc("hanging", func(ctx context.Context, _ event.Event) error {
		<-ctx.Done()
		return ctx.Err()
	})
	var calls atomic.Int32
	mux.HandleFunc("crowded", func(context.Context, event.Event) error {
		defer calls.Add(-1)
		if n := calls.Add(1); n > 4 {
			return fmt.Errorf("called %d times at once", n)
		}
		time.Sleep(50 * time.Millisecond)
		return nil
	})
	return func() {}, nil
}

// FunctionVariables checks each of the function's variables.
func FunctionVariables(t *testing.T, start StartFunction) {
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	t.Setenv("AWS_REGION", "us-east-1")
	_, variables := settings.Variables()
	demands := functionDemands(t)
	for _, v := range variables {
		t.Run(v.Name, func(t *testing.T) {
			d, ok := demands[v.Name]
			if !ok {
				t.Fatalf("nothing is demanded of %s: add it to functionDemands", v.Name)
			}
			for _, name := range []string{"unset", "set"} {
				env := broker(t)
				if v.Name != "MAX_ATTEMPTS" {
					env = append(env, "MAX_ATTEMPTS", "1") // no pauses
				}
				env = append(env, d.with...)
				if name == "set" {
					env = append(env, v.Name, d.value)
				}
				loaded, err := settings.LoadProcessor(Environment(env...))
				if err != nil && name == "unset" {
					continue // EVENTS_TABLE is required if STORE is dynamodb
				}
				t.Run(name, func(t *testing.T) {
					f := start(t, Environment(env...))
					f.env = loaded
					f.dead = func(topic string) int { return count(t, loaded.Kafka.Brokers, topic) }
					switch err := d.seen(f); {
					case err != nil && name == "set":
						t.Errorf("%s=%s has no effect: %v", v.Name, d.value, err)
					case err == nil && name == "unset":
						t.Error("the effect is seen without it, too: the test proves nothing")
					}
				})
			}
		})
	}
}

// FunctionEnvironment sets each of the function's variables to another value than the default.
func FunctionEnvironment(t *testing.T) settings.Lookup {
	var pairs []string
	for name, d := range functionDemands(t) {
		pairs = append(pairs, name, d.value)
	}
	return Environment(pairs...)
}

// count is the number of records in a topic.
func count(t *testing.T, brokers []string, topic string) (n int) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(50*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	for ctx.Err() == nil && n == 0 {
		n += client.PollFetches(ctx).NumRecords()
	}
	return n
}
