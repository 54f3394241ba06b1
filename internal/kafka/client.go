package kafka

import (
	"context"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	iam "github.com/twmb/franz-go/pkg/sasl/aws"
)

// Options are the options that every client shares: where the brokers are and how to authenticate. It fails where cfg
// is not valid.
func Options(cfg Config) ([]kgo.Opt, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	opts := []kgo.Opt{
		kgo.SeedBrokers(cfg.Brokers...),
		kgo.ClientID(cfg.ClientID),
		// A broker that accepts no connection within 3 s counts as gone, and there are others. 3 s let one lost packet be
		// sent again (after 1 s) and leave time for TLS; the default of 10 s is a whole PUBLISH_TIMEOUT.
		kgo.DialTimeout(3 * time.Second),
		// After a roll of the brokers the first request must find the new leaders; 1 min bounds how stale an idle
		// client's view gets (default 5 min).
		kgo.MetadataMaxAge(time.Minute),
		// When a leader moves, the client asks where to at most this often. The default of 5 s is half of a
		// PUBLISH_TIMEOUT gone with waiting; twice a second costs a broker nothing.
		kgo.MetadataMinAge(500 * time.Millisecond),
		// A broker that is back is found within a second. The default waits for up to 5 s.
		kgo.RetryBackoffFn(backoff),
	}
	if cfg.Auth == AuthIAM {
		opts = append(opts,
			// MSK's IAM listener (9098) speaks TLS only; the certificate is of a public authority.
			kgo.DialTLSConfig(&tls.Config{MinVersion: tls.VersionTLS12}),
			kgo.SASL(iam.ManagedStreamingIAM(func(ctx context.Context) (iam.Auth, error) {
				// Called at each connection and re-authentication: a task role's credentials rotate, so they must be
				// asked for anew. The provider caches them.
				c, err := cfg.Credentials.Retrieve(ctx)
				if err != nil {
					return iam.Auth{}, fmt.Errorf("retrieve AWS credentials: %w", err)
				}
				return iam.Auth{AccessKey: c.AccessKeyID, SecretKey: c.SecretAccessKey, SessionToken: c.SessionToken}, nil
			})),
		)
	}
	return opts, nil
}

// newProducer makes the client under a Publisher. Nothing connects before the first record.
func newProducer(cfg Config, pc ProducerConfig, extra []kgo.Opt) (*kgo.Client, error) {
	opts, err := Options(cfg)
	if err != nil {
		return nil, err
	}
	opts = append(opts,
		// The promise: acknowledged means that every in-sync replica has it. With min.insync.replicas=2 it survives
		// the loss of a broker. Idempotency, the client's default, keeps its own retries from making copies.
		kgo.RequiredAcks(kgo.AllISRAcks()),
		// A client waits for each answer, so waiting for company only adds to its wait. Batches form by themselves:
		// what comes while a request is under way leaves together in the next.
		kgo.ProducerLinger(0),
		// A record that can't be placed fails while its client still waits, so that the answer can say more than "not known".
		// 1 s is the least that the client library accepts; the Publisher itself stops waiting at its time-out.
		kgo.RecordDeliveryTimeout(max(pc.Timeout*3/4, time.Second)),
		// A broker may take a quarter of the wait for storing (it then says that it could not yet, and is asked again), and
		// is given up after another quarter without a word: in the other half there is time to find the new leader. For
		// requests other than produce the second quarter is all.
		kgo.ProduceRequestTimeout(max(pc.Timeout/4, leastRequestTimeout)),
		kgo.RequestTimeoutOverhead(max(pc.Timeout/4, leastRequestTimeout)),
		// Below the brokers' own limit (max.message.bytes, 1,048,588 unless set), so a batch of good events is never
		// refused for the size that they have together, and one event above it fails here and alone. A topic with a
		// lower limit breaks that.
		kgo.ProducerBatchMaxBytes(maxBatchBytes),
		// What waits for a slow or absent Kafka lives in this process's memory, so it is bounded; beyond it TryProduce
		// fails at once and the client is told to come again.
		kgo.MaxBufferedRecords(pc.MaxBufferedRecords),
		kgo.MaxBufferedBytes(pc.MaxBufferedBytes),
		// A topic that does not exist is a fault of the deployment. It fails after a few lookups and is never created on the
		// fly, with whatever partitions the broker's default has.
		kgo.UnknownTopicRetries(4),
	)
	client, err := kgo.NewClient(append(opts, extra...)...)
	if err != nil {
		return nil, fmt.Errorf("make Kafka client: %w", err)
	}
	return client, nil
}

// maxBatchBytes is the client library's default, said here because the promise of "one event fails alone" hangs on it.
const maxBatchBytes = 1_000_012

// leastRequestTimeout is enough for a healthy broker on a busy machine.
const leastRequestTimeout = 500 * time.Millisecond

// backoff is 0.1 s, doubled with each try, at most 1 s, less up to half of it by chance, so that not all clients of a
// broker that is back come at the same moment.
func backoff(tries int) time.Duration {
	d := min(100*time.Millisecond<<min(max(tries-1, 0), 4), time.Second)
	return d - rand.N(d/2)
}

// checkTopic fails unless the topic is there and each of its partitions has a leader to write to.
func checkTopic(ctx context.Context, client *kgo.Client, topic string) error {
	partitions, err := partitionsOf(ctx, client, topic)
	if err != nil {
		return err
	}
	for _, p := range partitions {
		if p.Leader < 0 {
			return fmt.Errorf("partition %s-%d has no leader", topic, p.Partition)
		}
	}
	return nil
}

// partitionsOf asks any broker for the topic's metadata.
func partitionsOf(ctx context.Context, client *kgo.Client, topic string) (
	all []kmsg.MetadataResponseTopicPartition, err error) {
	req := kmsg.NewPtrMetadataRequest()
	rt := kmsg.NewMetadataRequestTopic()
	rt.Topic = &topic
	req.Topics = append(req.Topics, rt)
	resp, err := req.RequestWith(ctx, client)
	if err != nil {
		return nil, fmt.Errorf("ask Kafka for topic %s: %w", topic, err)
	}
	for _, t := range resp.Topics {
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
			return nil, fmt.Errorf("ask Kafka for topic %s: %w", topic, err)
		}
		all = append(all, t.Partitions...)
	}
	return all, nil
}
