package main

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// onTerminal runs the tool for a person who types an answer.
func onTerminal(t *testing.T, answer string, args ...string) (says string, err error) {
	t.Helper()
	before := isTerminal
	isTerminal = func(io.Reader) bool { return true }
	defer func() { isTerminal = before }()
	var all bytes.Buffer
	cmd := root()
	cmd.SetArgs(args)
	cmd.SetIn(strings.NewReader(answer))
	cmd.SetOut(&all)
	cmd.SetErr(&all)
	err = execute(t.Context(), cmd)
	return all.String(), err
}

func TestAReplayShowsWhatItWouldSendAndAsks(t *testing.T) {
	b := newBroker(t)
	for range 12 {
		b.put(deadLetter("a", "order.created"))
	}
	for _, answer := range []string{"n\n", "\n", "", "yes, but\n"} {
		if _, err := onTerminal(t, answer, "dlq", "replay"); !errors.Is(err, errNotConfirmed) {
			t.Errorf("%q ends with %v", answer, err)
		}
	}
	if got := b.ids("events"); got != nil {
		t.Fatalf("published without a yes: %q", got)
	}
	says, err := onTerminal(t, "y\n", "dlq", "replay")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"order.created", "and 2 more", "Publish 12 letters to topic events? [y/N]",
		"12 replayed"} {
		if !strings.Contains(says, want) {
			t.Errorf("it does not say %q:\n%s", want, says)
		}
	}
	if got := b.ids("events"); len(got) != 12 {
		t.Errorf("%d records came back", len(got))
	}
}

func TestAReplayOfATopicIntoItselfAsksAndOneIntoAnotherDoesNot(t *testing.T) {
	b := newBroker(t)
	b.put(&kgo.Record{Topic: "events", Value: []byte("x")})
	says, err := onTerminal(t, "n\n", "replay", "--from", "1h")
	if !errors.Is(err, errNotConfirmed) ||
		!strings.Contains(says, "up to 1 records of topic events") || !strings.Contains(says, "published to topic events") {
		t.Errorf("it says %q and ends with %v", says, err)
	}
	if _, _, err := eventctl(t, "replay", "--from", "1h", "--to-topic", "recovery"); err != nil {
		t.Error(err)
	}
	if got := len(b.records("recovery")); got != 1 {
		t.Errorf("%d records are in the other topic", got)
	}
}

func TestAReplayInAScriptNeedsYes(t *testing.T) {
	b := newBroker(t)
	b.put(deadLetter("a", "t"), &kgo.Record{Topic: "events", Value: []byte("x")})
	for _, args := range [][]string{{"dlq", "replay"}, {"replay", "--from", "1h"}} {
		if _, _, err := eventctl(t, args...); !errors.Is(err, errUsage) || !strings.Contains(err.Error(), "--yes") {
			t.Errorf("%v ends with %v", args, err)
		}
	}
	if got := b.records("events"); len(got) != 1 {
		t.Errorf("%d records are in the topic", len(got))
	}
}

func TestAnEventCommandsNoTerminal(t *testing.T) {
	b := newBroker(t)
	evil := "\x1b]52;c;cm0=\x07 \u009b2J \u202eevil"
	r := deadLetter("a"+evil, "t"+evil, "dlq-error", "boom "+evil, "dlq-hops", "9", evil, evil)
	r.Key, r.Value = []byte(evil), []byte(evil)
	b.put(r)
	for _, args := range [][]string{
		{"dlq", "list"}, {"dlq", "list", "--output", "json"}, {"dlq", "show"}, {"dlq", "show", "--output", "json"},
		{"dlq", "replay", "--dry-run"}, {"dlq", "replay", "--yes", "--max-hops", "3"},
	} {
		out, errs := must(t, args...)
		if strings.ContainsAny(out+errs, "\x1b\u009b\u202e\x07") || out+errs == "" {
			t.Errorf("%v prints %q and %q", args, out, errs)
		}
	}
	out, _ := must(t, "dlq", "show", "--raw")
	if !strings.Contains(out, evil) {
		t.Errorf("--raw prints %q", out)
	}
	url, _ := standIn(t, 202, `{"id":"`+"\u009b\u202e"+`"}`, nil)
	if out, err := run(t, "", "send", "--url", url, "--type", "t"); err != nil || out != `{"id":"\u009b\u202e"}`+"\n" {
		t.Errorf("send prints %q, %v", out, err)
	}
}

func TestALetterThatTheTopicDoesNotTakeIsRefusedByNameAndTheReplayGoesOn(t *testing.T) {
	b := newBroker(t)
	bad := deadLetter("b", "t")
	bad.Value = []byte("poison")
	b.put(deadLetter("a", "t"), bad, deadLetter("c", "t"))
	b.refuseRecords("poison")
	_, says := must(t, "dlq", "replay", "--yes")
	if !strings.Contains(says, "refused: partition 0 offset 1: ") ||
		!strings.Contains(says, "INVALID_RECORD") || !strings.Contains(says, "2 replayed") {
		t.Errorf("it says %q", says)
	}
	if diff := cmp.Diff([]string{"a", "c"}, b.ids("events")); diff != "" {
		t.Error(diff)
	}
	if pending := listed(t, "--pending"); pending != nil {
		t.Errorf("the next run would look at %q again", pending)
	}
}

// refuseRecords makes the broker answer for a batch with such a record as for one without a key on a compacted topic.
func (b *broker) refuseRecords(containing string) {
	b.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		resp := req.ResponseKind().(*kmsg.ProduceResponse)
		refused := false
		for _, topic := range req.(*kmsg.ProduceRequest).Topics {
			answer := kmsg.ProduceResponseTopic{Topic: topic.Topic, TopicID: topic.TopicID}
			for _, p := range topic.Partitions {
				var batch kmsg.RecordBatch
				err := batch.ReadFrom(p.Records)
				raw, e := kgo.DefaultDecompressor().Decompress(batch.Records, kgo.CompressionCodecType(batch.Attributes&7))
				if err != nil || e != nil {
					b.t.Errorf("read a batch: %v, %v", err, e)
				}
				refused = refused || bytes.Contains(raw, []byte(containing))
				answer.Partitions = append(answer.Partitions, kmsg.ProduceResponseTopicPartition{
					Partition: p.Partition, ErrorCode: kerr.InvalidRecord.Code,
				})
			}
			resp.Topics = append(resp.Topics, answer)
		}
		return resp, nil, refused
	})
}
