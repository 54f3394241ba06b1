package kafka_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/internal/kafka"
)

// transact stores a record in a transaction of its own in partition 0. Unless it is decided, the transaction stays
// open.
func transact(t *testing.T, cfg kafka.Config, name, value string, decide ...kgo.TransactionEndTry) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(cfg.Brokers...), kgo.TransactionalID(name+value),
		kgo.DefaultProduceTopic(name), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := client.ProduceSync(t.Context(), &kgo.Record{Value: []byte(value)}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	for _, d := range decide {
		if err := client.EndTransaction(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
}

// decided stores a record in a transaction that is committed or aborted, and waits until the partition says so: a
// broker writes the mark of the end a moment after the answer, and another producer's records may come before it.
func decided(t *testing.T, cfg kafka.Config, name, value string, decide kgo.TransactionEndTry) {
	t.Helper()
	transact(t, cfg, name, value, decide)
	admin := kadm.NewClient(newClient(t, cfg))
	for t.Context().Err() == nil {
		ends, err := admin.ListEndOffsets(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		stable, err := admin.ListCommittedOffsets(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if stable[name][0].Offset == ends[name][0].Offset {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// readToTheEnd reads what Bounds finds. It is an error if that takes long, as a reader that waits for a record which
// never comes does.
func readToTheEnd(t *testing.T, cfg kafka.Config, name string) (values []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	spans, err := kafka.Bounds(ctx, newClient(t, cfg), name, time.Time{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	for r, err := range kafka.Read(ctx, cfg, name, spans) {
		if err != nil {
			t.Fatalf("after %q: %v", values, err)
		}
		values = append(values, fmt.Sprintf("%d:%s", r.Offset, r.Value))
	}
	return values
}

func onlyWhatIsCommittedIsRead(t *testing.T, cfg kafka.Config, name string) {
	t.Helper()
	decided(t, cfg, name, "aborted", kgo.TryAbort)
	decided(t, cfg, name, "committed", kgo.TryCommit)
	decided(t, cfg, name, "aborted at the end", kgo.TryAbort)
	if diff := cmp.Diff([]string{"2:committed"}, readToTheEnd(t, cfg, name)); diff != "" {
		t.Error(diff)
	}
	transact(t, cfg, name, "undecided")
	transact(t, cfg, name, "behind it", kgo.TryCommit)
	if diff := cmp.Diff([]string{"2:committed"}, readToTheEnd(t, cfg, name)); diff != "" {
		t.Errorf("with a transaction that is not decided: %s", diff)
	}
}

func TestOnlyWhatIsCommittedIsRead(t *testing.T) {
	c := newBroker(t)
	onlyWhatIsCommittedIsRead(t, config(c), topic)
}
