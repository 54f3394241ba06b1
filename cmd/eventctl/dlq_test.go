package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// broker is an embedded one with the service's topics, of one partition each.
type broker struct {
	*kfake.Cluster
	t      *testing.T
	client *kgo.Client
}

func newBroker(t *testing.T) *broker {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "events", "events.dlq", "recovery"))
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
		"dlq-original-topic", "events", "dlq-original-partition", "0", "dlq-original-offset", "5", "dlq-original-timestamp", "1700000000000",
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
	err = cmd.ExecuteContext(t.Context())
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

func TestReplayBringsTheBytesBackOnce(t *testing.T) {
	b := newBroker(t)
	b.put(deadLetter("a", "t"), deadLetter("b", "t"))
	must(t, "dlq", "replay")
	_, says := must(t, "dlq", "replay") // nothing is left for it
	if !strings.Contains(says, "0 replayed") {
		t.Errorf("the second run says %q", says)
	}
	got := b.records("events")
	if len(got) != 2 {
		t.Fatalf("%d records came back, want 2", len(got))
	}
	var headers []string
	for _, h := range got[0].Headers {
		headers = append(headers, h.Key)
	}
	if string(got[0].Key) != "key-a" || string(got[0].Value) != `{"id": "a" }` || slices.Contains(headers, "dlq-error") || !slices.Contains(headers, "dlq-hops") {
		t.Errorf("key %q, value %q, headers %q", got[0].Key, got[0].Value, headers)
	}
	if pending := listed(t, "--pending"); pending != nil {
		t.Errorf("still pending: %q", pending)
	}
}

func TestReplayLeavesWhatAFilterLeavesOutForALaterRun(t *testing.T) {
	b := newBroker(t)
	b.put(deadLetter("a", "t"), deadLetter("b", "other"), deadLetter("c", "t"))
	must(t, "dlq", "replay", "--type", "t")
	if diff := cmp.Diff([]string{"a", "c"}, b.ids("events")); diff != "" {
		t.Fatal(diff)
	}
	if diff := cmp.Diff([]string{"b", "c"}, listed(t, "--pending")); diff != "" {
		t.Errorf("the position is not before the letter that was left out: %s", diff)
	}
	must(t, "dlq", "replay")
	if diff := cmp.Diff([]string{"a", "c", "b", "c"}, b.ids("events")); diff != "" {
		t.Error(diff)
	}
}

func TestReplayGoesOnWhereOneThatFailedHalfWayWas(t *testing.T) {
	b := newBroker(t)
	for i := range 250 {
		b.put(deadLetter(fmt.Sprint(i), "t"))
	}
	// The second position is not written, as if the run had been killed between publishing and writing it.
	commits := 0
	b.ControlKey(int16(kmsg.OffsetCommit), func(req kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		if commits++; commits != 2 {
			return nil, nil, false
		}
		resp := req.ResponseKind().(*kmsg.OffsetCommitResponse)
		for _, topic := range req.(*kmsg.OffsetCommitRequest).Topics {
			answer := kmsg.OffsetCommitResponseTopic{Topic: topic.Topic, TopicID: topic.TopicID}
			for _, p := range topic.Partitions {
				answer.Partitions = append(answer.Partitions, kmsg.OffsetCommitResponseTopicPartition{
					Partition: p.Partition, ErrorCode: kerr.GroupAuthorizationFailed.Code,
				})
			}
			resp.Topics = append(resp.Topics, answer)
		}
		return resp, nil, true
	})
	if _, _, err := eventctl(t, "dlq", "replay"); err == nil {
		t.Fatal("the run whose position could not be written ended without an error")
	}
	must(t, "dlq", "replay")
	count := map[string]int{}
	for _, id := range b.ids("events") {
		count[id]++
	}
	twice := 0
	for _, n := range count {
		if n > 1 {
			twice++
		}
	}
	if len(count) != 250 || twice != chunk {
		t.Errorf("%d letters came back, want 250; %d of them twice, want %d", len(count), twice, chunk)
	}
}

func TestReplayRefusesLoopsAndGoesOn(t *testing.T) {
	b := newBroker(t)
	stranger := &kgo.Record{Value: []byte("?")}
	b.put(deadLetter("often", "t", "dlq-hops", "4"), stranger, deadLetter("circle", "t", "dlq-original-topic", "events.dlq"), deadLetter("b", "t", "dlq-hops", "3"))
	_, says := must(t, "dlq", "replay")
	if diff := cmp.Diff([]string{"b"}, b.ids("events")); diff != "" {
		t.Error(diff)
	}
	for _, want := range []string{"offset 0: it has failed 4 times", "offset 1: the processor did not write it", "offset 2: it would come back"} {
		if !strings.Contains(says, want) {
			t.Errorf("it does not say %q: %s", want, says)
		}
	}
	must(t, "dlq", "replay", "--partition", "0", "--offset", "0", "--max-hops", "10")
	if diff := cmp.Diff([]string{"b", "often"}, b.ids("events")); diff != "" {
		t.Errorf("a letter that is named and allowed: %s", diff)
	}
}

func TestReplayEndsAfterMaxAndGoesOnFromThere(t *testing.T) {
	b := newBroker(t)
	b.put(deadLetter("a", "t"), deadLetter("b", "t"), deadLetter("c", "t"))
	must(t, "dlq", "replay", "--max", "2")
	must(t, "dlq", "replay", "--max", "2")
	if diff := cmp.Diff([]string{"a", "b", "c"}, b.ids("events")); diff != "" {
		t.Error(diff)
	}
}

func TestADryRunDoesNothing(t *testing.T) {
	b := newBroker(t)
	b.put(deadLetter("a", "t"))
	out, says := must(t, "dlq", "replay", "--dry-run")
	if !strings.Contains(out, "key-a") || !strings.Contains(says, "1 would be replayed") {
		t.Errorf("it says %q and %q", out, says)
	}
	if got := b.ids("events"); got != nil {
		t.Errorf("it published %q", got)
	}
	if got := listed(t, "--pending"); len(got) != 1 {
		t.Errorf("it moved the position: pending are %q", got)
	}
}

func TestReplayKeepsItsRate(t *testing.T) {
	b := newBroker(t)
	for i := range 20 {
		b.put(deadLetter(fmt.Sprint(i), "t"))
	}
	start := time.Now()
	must(t, "dlq", "replay", "--rate", "40")
	if took := time.Since(start); took < 400*time.Millisecond || took > 2*time.Second {
		t.Errorf("20 letters at 40 a second took %s", took)
	}
}

func TestARangeOfTheTopicIsPublishedAgainElsewhere(t *testing.T) {
	b := newBroker(t)
	at := time.Now().Add(-time.Hour)
	for i, id := range []string{"early", "in-range", "late"} {
		r := deadLetter(id, "t")
		r.Topic, r.Headers, r.Timestamp = "events", r.Headers[:5], at.Add(time.Duration(i)*time.Minute)
		b.put(r)
	}
	from, to := at.Add(30*time.Second).UTC().Format(time.RFC3339), at.Add(90*time.Second).UTC().Format(time.RFC3339)
	must(t, "replay", "--from", from, "--to", to, "--to-topic", "recovery", "--dry-run")
	must(t, "replay", "--from", from, "--to", to, "--to-topic", "recovery")
	if diff := cmp.Diff([]string{"in-range"}, b.ids("recovery")); diff != "" {
		t.Error(diff)
	}
}

func TestUsageErrorsExitAsSuch(t *testing.T) {
	newBroker(t)
	for _, args := range []string{"dlq list --offset 3", "dlq list --since yesterday", "dlq list -o yaml", "dlq list --partition 9"} {
		_, _, err := eventctl(t, strings.Fields(args)...)
		if err == nil || !strings.Contains(fmt.Sprintf("%v", err), "usage") {
			t.Errorf("%s: %v", args, err)
		}
	}
}
