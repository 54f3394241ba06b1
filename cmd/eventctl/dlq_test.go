package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// broker is an embedded one with the service's topics, of one partition each.
type broker struct {
	*kfake.Cluster
	t      *testing.T
	client *kgo.Client
}

func newBroker(t *testing.T) *broker {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1),
		kfake.SeedTopics(1, "events", "events.dlq", "events.dlq.audit", "recovery"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.DefaultProduceTopic("events.dlq"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	t.Setenv("KAFKA_BOOTSTRAP_SERVERS", strings.Join(cluster.ListenAddrs(), ","))
	return &broker{cluster, t, client}
}

// deadLetter is one that works; a test changes it.
func deadLetter(id, eventType string, headers ...string) *kgo.Record {
	r := &kgo.Record{Key: []byte("key-" + id), Value: []byte(`{"id": "` + id + `" }`), Timestamp: time.Now()}
	for i, h := range append([]string{
		"ce_specversion", "1.0", "ce_id", id, "ce_source", "/test", "ce_type", eventType, "content-type", "application/json",
		"dlq-original-topic", "events", "dlq-original-partition", "0", "dlq-original-offset", "5",
		"dlq-original-timestamp", "1700000000000",
		"dlq-error", "boom", "dlq-attempts", "5", "dlq-failed-at", "2026-01-31T12:00:00Z", "dlq-hops", "1",
	}, headers...) {
		if i%2 == 0 {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: h})
		} else {
			r.Headers[len(r.Headers)-1].Value = []byte(h)
		}
	}
	return r
}

func (b *broker) put(records ...*kgo.Record) {
	b.t.Helper()
	if err := b.client.ProduceSync(b.t.Context(), records...).FirstErr(); err != nil {
		b.t.Fatal(err)
	}
}

// eventctl runs the tool and returns what it prints.
func eventctl(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, complaints bytes.Buffer
	cmd := root()
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SetErr(&complaints)
	err = execute(t.Context(), cmd)
	return out.String(), complaints.String(), err
}

func must(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	stdout, stderr, err := eventctl(t, args...)
	if err != nil {
		t.Fatalf("eventctl %s: %v\n%s%s", strings.Join(args, " "), err, stdout, stderr)
	}
	return stdout, stderr
}

// ids gives the ids of the events of a topic, in order.
func (b *broker) ids(topic string) []string {
	b.t.Helper()
	var ids []string
	for _, r := range b.records(topic) {
		id := ""
		for _, h := range r.Headers {
			if h.Key == "ce_id" {
				id = string(h.Value)
			}
		}
		ids = append(ids, id)
	}
	return ids
}

func (b *broker) records(topic string) []*kgo.Record {
	b.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.ListenAddrs()...), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(100*time.Millisecond))
	if err != nil {
		b.t.Fatal(err)
	}
	defer client.Close()
	var all []*kgo.Record
	for end := time.Now().Add(700 * time.Millisecond); time.Now().Before(end); {
		ctx, cancel := context.WithDeadline(b.t.Context(), end)
		all = append(all, client.PollFetches(ctx).Records()...)
		cancel()
	}
	return all
}

func listed(t *testing.T, args ...string) []string {
	t.Helper()
	out, _ := must(t, append([]string{"dlq", "list", "-o", "json"}, args...)...)
	var ids []string
	for line := range strings.Lines(out) {
		var l struct{ ID string }
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		ids = append(ids, l.ID)
	}
	return ids
}

func TestListChoosesByEachFilter(t *testing.T) {
	b := newBroker(t)
	b.put(deadLetter("a", "order.created"), deadLetter("b", "order.paid", "dlq-error", "connection refused"),
		deadLetter("c", "user.created", "dlq-failed-at", "2026-02-01T12:00:00Z"))
	for args, want := range map[string][]string{
		"":                                {"a", "b", "c"},
		"--type order.*":                  {"a", "b"},
		"--type order.paid":               {"b"},
		"--error refused":                 {"b"},
		"--key key-c":                     {"c"},
		"--since 2026-02-01":              {"c"},
		"--until 2026-02-01T00:00:00Z":    {"a", "b"},
		"--partition 0 --offset 1":        {"b"},
		"--max 2":                         {"a", "b"},
		"--type order.* --error connecti": {"b"},
		"--key nobody":                    nil,
	} {
		if diff := cmp.Diff(want, listed(t, strings.Fields(args)...)); diff != "" {
			t.Errorf("list %s: %s", args, diff)
		}
	}
}

func TestShowPrintsHeadersAndBytesThatAreNoText(t *testing.T) {
	b := newBroker(t)
	r := deadLetter("a", "t")
	r.Value = []byte{0xff, 0x00, 'x'}
	b.put(r)
	out, _ := must(t, "dlq", "show")
	for _, want := range []string{"header ce_id", "header dlq-error", "boom", "ff 00 78", "key-a"} {
		if !strings.Contains(out, want) {
			t.Errorf("show lacks %q:\n%s", want, out)
		}
	}
	out, _ = must(t, "dlq", "show", "-o", "json")
	var d struct {
		Value struct{ Base64 []byte }
		Key   string
	}
	if err := json.Unmarshal([]byte(out), &d); err != nil || !bytes.Equal(d.Value.Base64, r.Value) || d.Key != "key-a" {
		t.Errorf("show as JSON: %v, %s", err, out)
	}
}

func TestUsageErrorsExitAsSuch(t *testing.T) {
	newBroker(t)
	for _, args := range []string{"dlq list --offset 3", "dlq list --since yesterday", "dlq list -o yaml",
		"dlq list --partition 9"} {
		_, _, err := eventctl(t, strings.Fields(args)...)
		if err == nil || !strings.Contains(fmt.Sprintf("%v", err), "usage") {
			t.Errorf("%s: %v", args, err)
		}
	}
}

func TestShowFailsWhereThereIsNoSuchLetterAndAnEmptyListDoesNot(t *testing.T) {
	newBroker(t)
	if _, _, err := eventctl(t, "dlq", "show", "--key", "nobody"); err == nil || errors.Is(err, errUsage) {
		t.Errorf("show ends with %v", err)
	}
	if _, says := must(t, "dlq", "list"); !strings.Contains(says, "there is no such dead letter") {
		t.Errorf("list says %q", says)
	}
}
