package kafka_test

import (
	"context"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"event-processing-service/internal/event"
	"event-processing-service/internal/kafka"
)

// restartable starts a broker with data on disk and returns a function that starts it again on the same port.
func restartable(t *testing.T) (first *kfake.Cluster, again func(dir string) *kfake.Cluster, dir string) {
	t.Helper()
	dir = t.TempDir()
	first = newBroker(t, kfake.DataDir(dir), kfake.ClusterID("c"))
	_, text, err := net.SplitHostPort(first.ListenAddrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return first, func(dir string) *kfake.Cluster {
		return newBroker(t, kfake.DataDir(dir), kfake.ClusterID("c"), kfake.Ports(port))
	}, dir
}

func TestABrokerThatIsGoneAndBackIsUsedAgain(t *testing.T) {
	const timeout = 2 * time.Second
	c, again, dir := restartable(t)
	p := newPublisher(t, c, kafka.ProducerConfig{Timeout: timeout})
	wantFailures(t, p.Publish(context.Background(), numbered(1)), "")
	c.Close()
	within(t, timeout+slack, func() {
		wantFailures(t, p.Publish(context.Background(), numbered(2)), event.FailureNeverSent, event.FailureNeverSent)
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := p.Check(ctx); err == nil {
		t.Error("the check finds the broker well")
	}
	c = again(dir)
	wantFailures(t, p.Publish(context.Background(), numbered(3)), "", "", "")
	if err := p.Check(context.Background()); err != nil {
		t.Error(err)
	}
	stored(t, c, topic, 4)
}

func TestABrokerThatComesLateIsFound(t *testing.T) {
	c, again, dir := restartable(t)
	c.Close()
	p := newPublisher(t, c, kafka.ProducerConfig{Timeout: 10 * time.Second})
	answer := make(chan []event.Receipt, 1)
	go func() { answer <- p.Publish(context.Background(), numbered(1)) }()
	time.Sleep(500 * time.Millisecond) // let it look, and find nothing; a later or earlier start would do as well
	c = again(dir)
	wantFailures(t, await(t, "the answer", answer), "")
	stored(t, c, topic, 1)
}

// A topic that was deleted and made again, or a broker on a laptop that comes back empty, has another id under the same
// name. A restart of the service must not be needed for that.
func TestATopicThatWasMadeAnewIsUsedAgain(t *testing.T) {
	c, again, _ := restartable(t)
	p := newPublisher(t, c, kafka.ProducerConfig{Timeout: 2 * time.Second})
	wantFailures(t, p.Publish(context.Background(), numbered(1)), "")
	c.Close()
	c = again(t.TempDir())
	deadline := time.Now().Add(15 * time.Second)
	for {
		receipts := p.Publish(context.Background(), numbered(1))
		if receipts[0].Err == nil {
			break
		}
		if f := failures(t, receipts)[0]; !f.Retryable() {
			t.Fatalf("a client is told not to try again: %v", receipts[0].Err)
		}
		if time.Now().After(deadline) {
			t.Fatalf("is not found: %v", receipts[0].Err)
		}
	}
	if got := countStored(t, c, topic); got == 0 {
		t.Error("nothing is stored")
	}
}
