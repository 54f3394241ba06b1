package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/internal/kafka"
)

// topic belongs to the bench alone, so that no figure depends on the content of another topic.
const topic = "bench.events"

// lab is what all measurements share: a topic, and the binaries to measure.
type lab struct {
	brokers string
	folder  string // of the binaries
	admin   *kgo.Client
}

func newLab(ctx context.Context, brokers string) (*lab, error) {
	folder, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, fmt.Errorf("make folder for binaries: %w", err)
	}
	l := &lab{brokers: brokers, folder: folder}
	opts, err := kafka.Options(l.kafkaConfig())
	if err != nil {
		return nil, err
	}
	if l.admin, err = kgo.NewClient(opts...); err != nil {
		return nil, fmt.Errorf("make Kafka client: %w", err)
	}
	if err := l.createTopic(ctx, topic); err != nil {
		return nil, err
	}
	for name, args := range map[string][]string{
		"eventctl":  {"-tags", "lambda.norpc", "-o", filepath.Join(folder, "eventctl"), "./cmd/eventctl"},
		"bootstrap": {"-tags", "lambda.norpc", "-o", filepath.Join(folder, "bootstrap"), "./cmd/processor"},
	} {
		if err := build(ctx, name, args...); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// build builds a program with the flags that the images are built with.
func build(ctx context.Context, name string, args ...string) error {
	build := exec.CommandContext(ctx, "go",
		append([]string{"build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w"}, args...)...)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", name, err, out)
	}
	return nil
}

func (l *lab) kafkaConfig() kafka.Config {
	return kafka.Config{Brokers: kafka.ParseBrokers(l.brokers), Auth: kafka.AuthNone, ClientID: "bench"}
}

func (l *lab) binary(name string) string { return filepath.Join(l.folder, name) }

// createTopic makes a topic with a short retention, because a run writes several GB that nobody needs.
func (l *lab) createTopic(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	segment, retain := "67108864", "134217728"
	admin := kadm.NewClient(l.admin)
	_, err := admin.CreateTopic(ctx, 3, -1,
		map[string]*string{"segment.bytes": &segment, "retention.bytes": &retain}, name)
	if err != nil && !strings.Contains(err.Error(), "TOPIC_ALREADY_EXISTS") {
		return fmt.Errorf("create topic %s: %w", name, err)
	}
	for ctx.Err() == nil { // until each partition has a leader
		d, err := admin.ListTopics(ctx, name)
		if err == nil && d.Error() == nil && len(d[name].Partitions) > 0 {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Errorf("wait for topic %s: %w", name, ctx.Err())
}

func (l *lab) deleteTopics(names ...string) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if _, err := kadm.NewClient(l.admin).DeleteTopics(ctx, names...); err != nil {
		fmt.Fprintln(os.Stderr, "bench: delete topics:", err)
	}
}

func (l *lab) close() {
	l.deleteTopics(topic)
	l.admin.Close()
	_ = os.RemoveAll(l.folder) // a temporary folder
}
