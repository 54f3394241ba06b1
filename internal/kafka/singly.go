package kafka

import (
	"context"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// maxRecordBytes is what a record may have before it is compressed: just under the largest request that brokers take
// unless told otherwise (socket.request.max.bytes, 100 MiB). The limit that counts, max.message.bytes of the topic,
// holds for the compressed bytes, so only a broker can apply it.
const maxRecordBytes = 100 << 20 * 99 / 100

// singly sends each record in a batch of its own, so that the broker's answer is about one record. It is for records
// that a broker, or the client, refused together with others.
type singly struct {
	mu     sync.Mutex
	client *kgo.Client // nil until the first record
}

// connect makes the client where there is none yet.
func (s *singly) connect(cfg Config, pc ProducerConfig, extra ...kgo.Opt) (*kgo.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		return s.client, nil
	}
	client, err := newProducer(cfg, pc, append([]kgo.Opt{
		// The next record waits, in its caller's hands, until the one before has its answer.
		kgo.MaxBufferedRecords(1),
		kgo.MaxBufferedBytes(maxRecordBytes),
		kgo.ProducerBatchMaxBytes(maxRecordBytes),
		// A record that its caller gave up is given up here, too, instead of being sent behind the caller's back.
		kgo.AllowIdempotentProduceCancellation(),
	}, extra...))
	s.client = client
	return client, err
}

// close disconnects. Records that still wait fail.
func (s *singly) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		s.client.Close()
	}
}

// send is Produce on the client, and returns the outcome once it is known or ctx ends.
func send(ctx context.Context, client *kgo.Client, r *kgo.Record) (*kgo.Record, error) {
	type answer struct {
		record *kgo.Record
		err    error
	}
	answers := make(chan answer, 1)
	client.Produce(ctx, r, func(r *kgo.Record, err error) { answers <- answer{r, err} })
	select {
	case a := <-answers:
		return a.record, a.err
	case <-ctx.Done():
		return r, errNoAnswer
	}
}
