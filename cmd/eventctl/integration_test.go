//go:build integration

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/cmd/internal/assembly"
	"event-processing-service/internal/event"
)

// setup gives the test topics and a table of its own on the real broker and DynamoDB Local, and the two binaries.
func setup(t *testing.T) (bin string, p *program) {
	t.Helper()
	brokers, dynamodb := os.Getenv("KAFKA_BOOTSTRAP_SERVERS"), os.Getenv("DYNAMODB_ENDPOINT")
	if brokers == "" || dynamodb == "" {
		t.Skip("needs a broker in KAFKA_BOOTSTRAP_SERVERS and DynamoDB Local in DYNAMODB_ENDPOINT")
	}
	name := fmt.Sprintf("it-%d", time.Now().UnixNano())
	for k, v := range map[string]string{
		"KAFKA_TOPIC": name, "KAFKA_DLQ_TOPIC": name + ".dlq", "STORE": "dynamodb", "EVENTS_TABLE": name,
		"AWS_ENDPOINT_URL_DYNAMODB": dynamodb, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test",
		"AWS_SECRET_ACCESS_KEY": "test",
	} {
		t.Setenv(k, v)
	}
	bin = t.TempDir()
	for out, pkg := range map[string]string{"eventctl": ".", "bootstrap": "../processor"} {
		build := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", filepath.Join(bin, out), pkg)
		if log, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", pkg, err, log)
		}
	}
	p, err := newProgram(t.Context(), t.Output())
	if err != nil {
		t.Fatalf("read the environment: %v", err)
	}
	runBinary(t, bin, "setup")
	return bin, p
}

func runBinary(t *testing.T, bin string, args ...string) string {
	t.Helper()
	out, err := exec.Command(filepath.Join(bin, "eventctl"), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("eventctl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// startTrigger runs the mapping with the real function behind the Runtime API until the test ends.
func startTrigger(t *testing.T, bin string) {
	t.Helper()
	cmd := exec.Command(filepath.Join(bin, "eventctl"), "trigger", "--bootstrap", filepath.Join(bin, "bootstrap"),
		"--batch-window", "50ms")
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatalf("start trigger: %v", err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Errorf("interrupt trigger: %v", err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("the trigger ends with %v", err)
		}
	})
}

func TestRecordsOfEveryProducerAreProcessedByTheRealFunction(t *testing.T) {
	bin, p := setup(t)
	client, err := p.KafkaClient(p.env.Kafka, clientID)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	defer client.Close()
	topic := p.env.Topic()
	headers, _ := event.AppendHeaders[kgo.RecordHeader](nil, nil,
		&event.Event{ID: "binary-1", Source: "/s", Type: "t", Subject: "ü"})
	records := []*kgo.Record{
		{Topic: topic, Partition: 0, Value: []byte("no headers, no JSON \x00\xff")},
		{Topic: topic, Value: []byte(`{"id":"json-1","user":"test"}`)},
		{Topic: topic, Value: []byte(`{"specversion":"1.0","id":"structured-1","source":"/s","type":"t","data":1}`),
			Headers: []kgo.RecordHeader{{Key: "content-type", Value: []byte("application/cloudevents+json; charset=UTF-8")}}},
		{Topic: topic, Key: []byte("k"), Value: []byte(`{}`), Headers: headers},
	}
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatalf("produce: %v", err)
	}
	startTrigger(t, bin)
	store, err := p.Store(p.env.Store, "")
	if err != nil {
		t.Fatalf("open store: %v", err)
	}
	for _, id := range []event.Identity{
		foreign(records[0]),
		foreign(records[1]),
		{Source: "/s", ID: "structured-1"},
		{Source: "/s", ID: "binary-1"},
	} {
		if outcome := await(t, store, id); outcome.Status != event.StatusProcessed {
			t.Errorf("%v is %s: %s", id, outcome.Status, outcome.Reason)
		}
	}
	if out := runBinary(t, bin, "status"); !strings.Contains(out, "Stable") {
		t.Errorf("status says %s", out)
	}
}

// foreign is the identity of a record that is known by its place.
func foreign(r *kgo.Record) event.Identity {
	id := fmt.Sprintf("%s/%d/%d@%d", r.Topic, r.Partition, r.Offset, r.Timestamp.UnixMilli())
	return event.Identity{Source: "/kafka/" + r.Topic, ID: id}
}

func await(t *testing.T, store assembly.Store, id event.Identity) event.Outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		outcome, known, err := store.Outcome(ctx, id)
		if err != nil {
			t.Fatalf("no outcome of %v: %v", id, err)
		}
		if known {
			return outcome
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func TestSetupAndTopicsApplyChangeNothingTheSecondTime(t *testing.T) {
	bin, p := setup(t)
	out := runBinary(t, bin, "setup")
	if strings.Contains(out, "created") || !strings.Contains(out, "topic "+p.env.Topic()+": unchanged") {
		t.Errorf("a second setup says %s", out)
	}
	if out := runBinary(t, bin, "topics", "apply", "--topic", p.env.Topic(), "--partitions",
		"7"); !strings.Contains(out, "has 3 partitions instead of 7; nothing was changed") {
		t.Errorf("a difference is told as %s", out)
	}
	if out := runBinary(t, bin, "topics", "list"); !strings.Contains(out, p.env.DeadLetterTopic) {
		t.Errorf("the list is %s", out)
	}
}
