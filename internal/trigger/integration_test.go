//go:build integration

package trigger

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// A real broker takes a while to delete a topic and the group's offsets of it.
func TestARealTopicThatIsCreatedAgainIsReadFromItsStart(t *testing.T) {
	brokers := os.Getenv("KAFKA_BOOTSTRAP_SERVERS")
	if brokers == "" {
		t.Skip("KAFKA_BOOTSTRAP_SERVERS is not set: start a broker and name it there as host:port")
	}
	name := fmt.Sprintf("it-%d-trigger", time.Now().UnixNano())
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers), kgo.DefaultProduceTopic(name), kgo.UnknownTopicRetries(-1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	admin := kadm.NewClient(client)
	create := func() {
		t.Helper()
		eventually(t, func() bool { _, err := admin.CreateTopic(t.Context(), 1, 1, nil, name); return err == nil },
			func() string { return "the topic cannot be created" })
	}
	put := func(values string) {
		t.Helper()
		for v := range strings.SplitSeq(values, "") {
			if err := client.ProduceSync(t.Context(), kgo.StringRecord(v)).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Cleanup(func() {
		_, _ = admin.DeleteTopic(context.Background(), name)
		_, _ = admin.DeleteGroup(context.Background(), name)
	})
	create()
	log, f := &logLines{}, &function{}
	start(t, Config{
		Topic: name, ConsumerGroup: name, ClientOptions: []kgo.Opt{kgo.SeedBrokers(brokers)}, Logger: log.logger(),
		BatchWindow: 20 * time.Millisecond,
	}, f)
	seen := func() string { return strings.NewReplacer("0:", "", " ", "").Replace(strings.Join(f.seen(), "")) }
	sees := func(want string) {
		t.Helper()
		eventually(t, func() bool { return seen() == want },
			func() string {
				return fmt.Sprintf("seen %q, want %q\n%s", seen(), want, strings.Join(log.lines(), "\n"))
			})
	}
	put("abc")
	sees("abc")
	if _, err := admin.DeleteTopic(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	create()
	client.PurgeTopicsFromProducing(name)
	put("defgh")
	sees("abcdefgh")
	if lines := log.lines(); len(lines) > 20 {
		t.Errorf("it took %d lines of log:\n%s", len(lines), strings.Join(lines, "\n"))
	}
}
