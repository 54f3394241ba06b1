package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"event-processing-service/internal/event"
	"event-processing-service/internal/payload"
	"event-processing-service/internal/trigger"
	"event-processing-service/processor"
)

// freeStore costs nothing and remembers nothing.
type freeStore struct{}

func (freeStore) Begin(context.Context, event.Claim) (event.Reply, error) {
	return event.Reply{Answer: event.Granted, Attempt: 1}, nil
}

func (freeStore) Renew(context.Context, event.Claim) (event.Reply, error) {
	return event.Reply{Answer: event.Granted, Attempt: 1}, nil
}

func (freeStore) Finish(context.Context, event.Claim, event.Outcome) (event.Reply, error) {
	return event.Reply{Answer: event.Written}, nil
}

func (freeStore) Release(context.Context, event.Claim, int, string) error { return nil }

type noDeadLetters struct{}

func (noDeadLetters) Publish(context.Context, event.Record) (event.Place, error) {
	return event.Place{}, fmt.Errorf("no record of the bench should be a dead letter")
}

func (noDeadLetters) Since(context.Context, time.Time) iter.Seq2[event.Record, error] {
	return func(func(event.Record, error) bool) {}
}

func newProcessor(store processor.Store, mux *processor.Mux) (*processor.Processor, error) {
	return processor.New(processor.DefaultConfig(), mux, store, noDeadLetters{}, slog.New(slog.DiscardHandler))
}

// writePayload is one invocation with n records, as the event source mapping of MSK writes it. The events of each run
// have ids of their own.
func writePayload(n int, run int64) ([]byte, error) {
	header := func(key, value string) map[string]events.JSONNumberBytes {
		return map[string]events.JSONNumberBytes{key: events.JSONNumberBytes(value)}
	}
	value := base64.StdEncoding.EncodeToString([]byte(data(130)))
	in := events.KafkaEvent{EventSource: "aws:kafka", BootstrapServers: "localhost:9092",
		Records: map[string][]events.KafkaRecord{}}
	for i := range n {
		partition := i % 3
		name := "events-" + strconv.Itoa(partition)
		in.Records[name] = append(in.Records[name], events.KafkaRecord{
			Topic: "events", Partition: int64(partition), Offset: int64(i), TimestampType: "CREATE_TIME",
			Timestamp: events.MilliSecondsEpochTime{Time: time.UnixMilli(1_770_000_000_000)}, Value: value,
			Headers: []map[string]events.JSONNumberBytes{
				header("ce_specversion", "1.0"), header("ce_id", fmt.Sprintf("bench-%d-%d", run, i)),
				header("ce_source", "/bench/orders"),
				header("ce_type", "order.created"), header("ce_time", "2026-01-31T12:00:00Z"),
				header("content-type", "application/json"),
				header("x-request-id", "01890a5d-ac96-774b-bcce-b302099a8057"),
			},
		})
	}
	return json.Marshal(in)
}

// measureProcessor measures one invocation with 1, 100 and 10,000 records: Handle alone, with a payload that is
// already read, and the whole invocation.
func measureProcessor(ctx context.Context, p plan, _ *lab, r *results) error {
	proc, err := newProcessor(freeStore{}, &processor.Mux{})
	if err != nil {
		return err
	}
	function := payload.Function(proc.Handle)
	for _, n := range []int{1, 100, 10_000} {
		text, err := writePayload(n, 0)
		if err != nil {
			return fmt.Errorf("write payload: %w", err)
		}
		in, err := payload.Parse(text)
		if err != nil {
			return err
		}
		for range p.rounds {
			s, err := repeat(ctx, p, n, func() error { _, err := proc.Handle(ctx, &in); return err })
			if err != nil {
				return err
			}
			r.add(fmt.Sprintf("processor, Handle, %d records", n), 0, 0, s)
			s, err = repeat(ctx, p, n, func() error { _, err := function.Invoke(ctx, text); return err })
			if err != nil {
				return err
			}
			s.PeakMB = growth(func() { _, err = function.Invoke(ctx, text) })
			if err != nil {
				return err
			}
			r.add(fmt.Sprintf("processor, JSON and Handle, %d records", n), 0, 0, s)
		}
	}
	return nil
}

// repeat runs one invocation after the other.
func repeat(ctx context.Context, p plan, records int, invoke func() error) (sample, error) {
	var h histogram
	if err := invoke(); err != nil { // warm
		return sample{}, err
	}
	meter := startMeter()
	for end := time.Now().Add(p.duration / 2); time.Now().Before(end) && ctx.Err() == nil; {
		begin := time.Now()
		if err := invoke(); err != nil {
			return sample{}, err
		}
		h.add(time.Since(begin))
	}
	s := meter.stop(float64(h.count) * float64(records))
	s.P50, s.P99 = milliseconds(h.quantile(0.5)), milliseconds(h.quantile(0.99))
	return s, ctx.Err()
}

// growth returns how many MB one call of f allocates. The collector is off meanwhile, so nothing is freed.
func growth(f func()) float64 {
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return float64(after.TotalAlloc-before.TotalAlloc) / (1 << 20)
}

// measureRuntime runs the real binary behind the Lambda Runtime API, with its memory as the store.
func measureRuntime(ctx context.Context, p plan, l *lab, r *results) error {
	if info, err := os.Stat(l.binary("bootstrap")); err == nil {
		r.add("processor, size of the binary", 0, 0, sample{Bytes: float64(info.Size())})
	}
	size, err := zippedSize(l.binary("bootstrap"))
	if err != nil {
		return err
	}
	r.add("processor, size of the zip", 0, 0, sample{Bytes: size})
	for range p.rounds {
		api, err := trigger.NewRuntimeAPI(trigger.RuntimeConfig{Bootstrap: l.binary("bootstrap"),
			Env: []string{"LOG_LEVEL=ERROR", "STORE=memory", "KAFKA_BOOTSTRAP_SERVERS=" + l.brokers}})
		if err != nil {
			return err
		}
		for _, n := range []int{1, 100, 10_000} {
			text, err := writePayload(n, 0)
			if err != nil {
				return fmt.Errorf("write payload: %w", err)
			}
			if n == 10_000 && len(text) > trigger.DefaultMaxPayloadBytes {
				n = n * trigger.DefaultMaxPayloadBytes / len(text) * 9 / 10
				if text, err = writePayload(n, 0); err != nil {
					return fmt.Errorf("write payload: %w", err)
				}
			}
			s, err := repeat(ctx, p, n, func() error {
				ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
				defer cancel()
				_, err := api.Invoke(ctx, text)
				return err
			})
			if err != nil {
				return err
			}
			s.CPU, s.Allocations = 0, 0 // they are this process's
			r.add(fmt.Sprintf("processor, Runtime API, %d records", n), 0, 0, s)
		}
		r.add("processor, start to first poll", 0, 0, sample{P50: milliseconds(api.FirstPoll())})
		if err := api.Close(); err != nil {
			return err
		}
	}
	return nil
}
