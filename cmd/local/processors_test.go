package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"event-processing-service/internal/event"
	"event-processing-service/internal/settings"
	"event-processing-service/processor"
)

func registering(f func(mux *processor.Mux)) func(context.Context, *processor.Mux, *processor.Deps) (func(), error) {
	return func(_ context.Context, mux *processor.Mux, _ *processor.Deps) (func(), error) {
		f(mux)
		return func() {}, nil
	}
}

// serveSets runs the service with these sets of handlers until the test ends.
func serveSets(t *testing.T, sets processor.Sets, pairs ...string) (url string, kafkaPort int) {
	t.Helper()
	port, kafkaPort := freePort(t), freePort(t)
	env, err := readSettings([]string{
		"--port", strconv.Itoa(port), "--kafka-port", strconv.Itoa(kafkaPort), "--console-port", "0",
	}, environmentOf(pairs...), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	env.sets = sets
	inBackground(t, env, slog.New(slog.DiscardHandler), io.Discard)
	url = fmt.Sprintf("http://127.0.0.1:%d", port)
	eventually(t, "ready", func() bool { status, _ := get(url + "/health/ready"); return status == http.StatusOK })
	return url, kafkaPort
}

type severalOutcomes struct {
	Status     string
	DeadLetter *place `json:"dead_letter"`
	Processors []struct {
		Name, Status string
		DeadLetter   *place `json:"dead_letter"`
	}
}

func outcomesOf(url, id string) (o severalOutcomes, known bool) {
	status, body := get(url + "/v1/events/" + id)
	return o, status == http.StatusOK && json.Unmarshal([]byte(body), &o) == nil
}

func postEvent(t *testing.T, url, id, eventType string) {
	t.Helper()
	body := fmt.Sprintf(`{"type":%q,"id":%q,"data":{"n":1}}`, eventType, id)
	resp, err := http.Post(url+"/v1/events", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		t.Fatalf("%s is answered with %s", id, resp.Status)
	}
}

func TestAProcessorThatHangsKeepsNoOtherWaiting(t *testing.T) {
	release := make(chan struct{})
	url, _ := serveSets(t, processor.Sets{
		{Register: registering(func(*processor.Mux) {})},
		{Name: "audit", Register: registering(func(mux *processor.Mux) {
			mux.HandleFunc("job", func(ctx context.Context, _ event.Event) error {
				select {
				case <-release:
				case <-ctx.Done():
				}
				return ctx.Err()
			})
		})},
	})
	for i := range 20 {
		postEvent(t, url, fmt.Sprint("job-", i), "job")
	}
	for i := range 20 {
		eventually(t, "processed by the first", func() bool {
			o, known := outcomesOf(url, fmt.Sprint("job-", i))
			if known && (len(o.Processors) != 1 || o.Processors[0].Name != "audit" || o.Processors[0].Status != "") {
				t.Fatalf("audit, which hangs, is told of as %+v", o.Processors)
			}
			return known && o.Status == "processed"
		})
	}
	close(release)
	for i := range 20 {
		eventually(t, "processed by audit", func() bool {
			o, known := outcomesOf(url, fmt.Sprint("job-", i))
			return known && o.Processors[0].Status == "processed"
		})
	}
}

func TestEventsOfATypeGoToATopicThatAnotherProcessorReads(t *testing.T) {
	url, kafkaPort := serveSets(t, processor.Sets{
		{Register: registering(func(mux *processor.Mux) {
			mux.HandleFunc("sale.made", func(context.Context, event.Event) error {
				return processor.Permanent(errors.New("it is not the first's"))
			})
		})},
		{Name: "audit", Register: registering(func(mux *processor.Mux) {
			mux.HandleFunc("sale.broken", func(context.Context, event.Event) error {
				return processor.Permanent(errors.New("broken"))
			})
		})},
	}, "TOPIC_ROUTES", "sale.*=orders", "PROCESSOR_TOPICS", "audit=orders")
	postEvent(t, url, "1", "sale.made")
	postEvent(t, url, "2", "sale.broken")
	postEvent(t, url, "3", "other")
	done := func(id, status string) (o severalOutcomes) {
		eventually(t, id+" is "+status, func() bool {
			var known bool
			o, known = outcomesOf(url, id)
			return known && o.Status == status
		})
		return o
	}
	done("1", "processed")
	if o := done("2", "dead-lettered"); o.DeadLetter == nil || o.DeadLetter.Topic != "events.dlq.audit" {
		t.Errorf("the letter of audit is %+v", o.DeadLetter)
	}
	done("3", "processed")
	if n, others := len(recordsOf(t, kafkaPort, "orders")), len(recordsOf(t, kafkaPort, "events")); n != 2 || others != 1 {
		t.Errorf("%d records are in orders and %d in events, want 2 and 1", n, others)
	}
}

func TestATopicForAProcessorThatIsNotThereIsRefused(t *testing.T) {
	env, err := readSettings([]string{"--console-port", "0"}, environmentOf("PROCESSOR_TOPICS", "adit=orders"), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	err = run(t.Context(), env, slog.New(slog.DiscardHandler), io.Discard)
	if !errors.Is(err, settings.ErrEnvironment) || !strings.Contains(err.Error(), `PROCESSOR_TOPICS names "adit"`) {
		t.Errorf("it says %v", err)
	}
}

func TestADeadLetterOfOneProcessorIsNoneOfAnother(t *testing.T) {
	var broken = make(chan struct{})
	url, kafkaPort := serveSets(t, processor.Sets{
		{Register: registering(func(*processor.Mux) {})},
		{Name: "audit", Register: registering(func(mux *processor.Mux) {
			mux.HandleFunc("job", func(context.Context, event.Event) error {
				select {
				case <-broken: // repaired
					return nil
				default:
					return processor.Permanent(errors.New("not this one"))
				}
			})
		})},
	})
	postEvent(t, url, "1", "job")
	var o severalOutcomes
	eventually(t, "done by both", func() bool {
		var known bool
		o, known = outcomesOf(url, "1")
		return known && o.Processors[0].Status != ""
	})
	letter := o.Processors[0].DeadLetter
	if o.Status != "processed" || o.DeadLetter != nil || letter == nil || letter.Topic != "events.dlq.audit" {
		t.Fatalf("the outcome is %+v", o)
	}
	if n := len(recordsOf(t, kafkaPort, "events.dlq")); n != 0 {
		t.Errorf("the first processor has %d dead letters", n)
	}
	close(broken)
	letters := recordsOf(t, kafkaPort, "events.dlq.audit")
	again, ok := processor.Replay(&letters[0])
	if !ok {
		t.Fatal("the letter is not read")
	}
	if _, err := topicOf(t, kafkaPort, "events").Publish(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	eventually(t, "replayed", func() bool {
		o, _ = outcomesOf(url, "1")
		return o.Processors[0].Status == "processed"
	})
	status, body := get(url + "/v1/events/1")
	if strings.Contains(strings.Split(body, `"processors"`)[0], "replays") {
		t.Errorf("the first processor took the replay for its own: %d %s", status, body)
	}
}

func TestPROCESSORRunsOneAloneAndANameThatIsNotThereIsAnErrorBeforeAnythingRuns(t *testing.T) {
	nothing := registering(func(*processor.Mux) {})
	sets := processor.Sets{{Register: nothing}, {Name: "audit", Register: nothing}}
	url, _ := serveSets(t, sets, "PROCESSOR", "audit")
	postEvent(t, url, "1", "job")
	eventually(t, "processed by audit alone", func() bool {
		status, _ := get(url + "/v1/events/1?processor=audit")
		return status == http.StatusOK
	})
	if status, body := get(url + "/v1/events/1"); status != http.StatusNotFound {
		t.Errorf("the first ran, too: %d %s", status, body)
	}

	ran := registering(func(*processor.Mux) { t.Error("handlers are registered") })
	for want, c := range map[string]struct {
		sets processor.Sets
		name string
	}{
		`PROCESSOR="adit": there is no processor "adit", but the first, without a name, and audit`: {
			processor.Sets{{Register: ran}, {Name: "audit", Register: ran}}, "adit"},
		"two sets of handlers are named audit, and would share a consumer group": {
			processor.Sets{{Register: ran}, {Name: "audit", Register: ran}, {Name: "audit", Register: ran}}, ""},
	} {
		env, err := readSettings([]string{"--console-port", "0"}, environmentOf("PROCESSOR", c.name), io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		env.sets = c.sets
		err = run(t.Context(), env, slog.New(slog.DiscardHandler), io.Discard)
		if !errors.Is(err, settings.ErrEnvironment) || !strings.Contains(err.Error(), want) {
			t.Errorf("it ends with %v; want %s", err, want)
		}
	}
}
