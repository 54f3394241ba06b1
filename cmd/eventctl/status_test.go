package main

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestStatusAsksForTheGroupThatItIsGiven(t *testing.T) {
	newBroker(t)
	for group, args := range map[string][]string{"event-processing-service-event-processor": nil,
		"a-stack-processor": {"--group", "a-stack-processor"}} {
		_, err := run(t, "", append([]string{"status"}, args...)...)
		if err == nil || !strings.Contains(err.Error(), "the lag of "+group+": GROUP_ID_NOT_FOUND") {
			t.Errorf("of %s, which is not there, it says %v", group, err)
		}
	}
}

func TestStatusCountsTheTopicOfTheServiceAndNoMarkerOfATransaction(t *testing.T) {
	b := newBroker(t)
	admin, group := kadm.NewClient(b.client), "event-processing-service-event-processor"
	b.put(&kgo.Record{Topic: "recovery"}, &kgo.Record{Topic: "recovery"}) // which the group has read one of, long ago
	for _, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort} {
		b.transact(end)
	}
	commit := func(at int64) {
		t.Helper()
		offsets := kadm.Offsets{}
		offsets.AddOffset("events", 0, at, -1)
		offsets.AddOffset("recovery", 0, 1, -1)
		if err := admin.CommitAllOffsets(t.Context(), group, offsets); err != nil {
			t.Fatal(err)
		}
	}
	// a record, its marker, an aborted one, its marker
	for at, want := range map[int64]string{0: "1 behind", 1: "0 behind"} {
		commit(at)
		out, err := run(t, "", "status")
		if !strings.Contains(out, want) || strings.Contains(out, "recovery") {
			t.Errorf("at offset %d it says %q, want %q; %v", at, out, want, err)
		}
	}
}

// transact puts a record into the topic of the events in a transaction that ends so.
func (b *broker) transact(end kgo.TransactionEndTry) {
	b.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.ListenAddrs()...), kgo.TransactionalID("t"),
		kgo.DefaultProduceTopic("events"))
	if err != nil {
		b.t.Fatal(err)
	}
	defer client.Close()
	if err := client.BeginTransaction(); err != nil {
		b.t.Fatal(err)
	}
	if err := client.ProduceSync(b.t.Context(), kgo.StringRecord("x")).FirstErr(); err != nil {
		b.t.Fatal(err)
	}
	if err := client.EndTransaction(b.t.Context(), end); err != nil {
		b.t.Fatal(err)
	}
}
