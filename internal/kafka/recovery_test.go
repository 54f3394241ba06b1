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
	t.Parallel()
	const timeout = 2 * time.Second
	c, again, dir := restartable(t)
	p := newPublisher(t, c, kafka.ProducerConfig{Timeout: timeout})
	wantFailures(t, p.Publish(context.Background(), numbered(1)), "")
	c.Close()
	lost := 0
	for range 2 { // what is written into a connection just before it is found to be dead is unknown; the rest is sure
		within(t, timeout+slack, func() {
			for _, f := range failures(t, p.Publish(context.Background(), numbered(2))) {
				if !retryable(f) {
					t.Errorf("failure is %q", f)
				}
				if f == event.FailureOutcomeUnknown {
					lost++
				}
			}
		})
	}
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
	if got := countStored(t, c, topic); got < 4 || got > 4+lost {
		t.Errorf("%d records are stored; 4 were acknowledged, of %d nothing is known", got, lost)
	}
}

func TestABrokerThatComesLateIsFound(t *testing.T) {
	t.Parallel()
	c, again, dir := restartable(t)
	p := newPublisher(t, c, kafka.ProducerConfig{Timeout: 10 * time.Second})
	c.Close()
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
	t.Parallel()
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
		if f := failures(t, receipts)[0]; !retryable(f) {
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
