//go:build faults

package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/internal/kafka"
)

// need returns a variable of the environment, or skips the test if it is not set.
func need(t *testing.T, name string) string {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		t.Skipf("%s is not set: this test needs it (see the package's documentation)", name)
	}
	return v
}

func duration(t *testing.T, name string, byDefault time.Duration) time.Duration {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		return byDefault
	}
	d, err := time.ParseDuration(v)
	if err != nil || d < time.Second || d > time.Hour {
		t.Fatalf("%s=%q: must be a duration from 1s to 1h", name, v)
	}
	return d
}

// faultTime is how long faults happen in a test.
func faultTime(t *testing.T) time.Duration { return duration(t, "FAULT_DURATION", 20*time.Second) }

// newRandom prints its seed. With it the run can be repeated, except for the timing of processes and brokers.
func newRandom(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if v := os.Getenv("FAULT_SEED"); v != "" {
		var err error
		if seed, err = strconv.ParseUint(v, 10, 64); err != nil {
			t.Fatalf("FAULT_SEED=%q: must be a whole number", v)
		}
	}
	t.Logf("FAULT_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func between(r *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(r.Int64N(int64(most-least)+1))
}

var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "faults-")
	if err != nil {
		return "", err
	}
	cmd := exec.Command("go", "build", "-o", dir+"/", "../cmd/eventctl", "../cmd/processor",
		"../cmd/internal/poisonprocessor")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the binaries: %w\n%s", err, out)
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := build(); err == nil {
		_ = os.RemoveAll(dir) // the system clears its temporary folder, too
	}
	os.Exit(code)
}

// binary is the path of one of the project's programs.
func binary(t *testing.T, name string) string {
	t.Helper()
	dir, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name)
}

// kafkaOf is the test's own configuration for the brokers.
func kafkaOf(brokers string) kafka.Config {
	return kafka.Config{Brokers: kafka.ParseBrokers(brokers), Auth: kafka.AuthNone, ClientID: "faults"}
}

func adminOf(t *testing.T, brokers string) *kgo.Client {
	t.Helper()
	opts, err := kafka.Options(kafkaOf(brokers))
	if err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(append(opts, kgo.RecordDeliveryTimeout(30*time.Second))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// makeTopics creates topics with three replicas, two of which must have a record before it is acknowledged. It deletes
// them when the test ends.
func makeTopics(t *testing.T, client *kgo.Client, partitions int32, topics ...string) {
	t.Helper()
	admin := kadm.NewClient(client)
	two := "2"
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := admin.CreateTopics(ctx, partitions, 3, map[string]*string{"min.insync.replicas": &two},
		topics...); err != nil {
		t.Fatalf("create topics %s: %v", strings.Join(topics, ", "), err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_, _ = admin.DeleteTopics(ctx, topics...) // the brokers may be gone already
	})
	awaitReplicas(t, client, topics...)
}

// replicated tells whether every partition has a leader and all its replicas in sync.
func replicated(ctx context.Context, client *kgo.Client, topics ...string) bool {
	details, err := kadm.NewClient(client).ListTopics(ctx, topics...)
	if err != nil || details.Error() != nil || len(details) != len(topics) {
		return false
	}
	whole := true
	details.EachPartition(func(p kadm.PartitionDetail) {
		whole = whole && p.Leader >= 0 && len(p.ISR) == len(p.Replicas)
	})
	return whole
}

func awaitReplicas(t *testing.T, client *kgo.Client, topics ...string) {
	t.Helper()
	await(t, time.Minute, "the replicas of "+strings.Join(topics, ", "), func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		return replicated(ctx, client, topics...)
	})
}

func await(t *testing.T, patience time.Duration, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %s for %s, and it did not happen", patience, what)
		}
	}
}

// complaints reports many equal faults: the first twenty, and how many there are.
func complaints(t *testing.T) (complain func(format string, args ...any), conclude func()) {
	t.Helper()
	n := 0
	complain = func(format string, args ...any) {
		if n++; n <= 20 {
			t.Errorf(format, args...)
		}
	}
	return complain, func() {
		if n > 20 {
			t.Errorf("%d such faults in all", n)
		}
	}
}
