package kafka

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	iam "github.com/twmb/franz-go/pkg/sasl/aws"
)

// Options are the options that every client shares: where the brokers are and how to be let in. It fails where cfg is
// not valid.
func Options(cfg Config) ([]kgo.Opt, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	opts := []kgo.Opt{
		kgo.SeedBrokers(cfg.Brokers...),
		kgo.ClientID(cfg.ClientID),
		// A broker that accepts no connection within 5 s is as good as gone, and there are others; the default of 10 s
		// is a whole PUBLISH_TIMEOUT.
		kgo.DialTimeout(5 * time.Second),
		// After a roll of the brokers the first request must find the new leaders; 1 min bounds how stale an idle
		// client's view gets (default 5 min).
		kgo.MetadataMaxAge(time.Minute),
		// When a leader moves, the client asks where to at most this often. The default of 5 s is half of a
		// PUBLISH_TIMEOUT gone with waiting; twice a second is no load for a broker.
		kgo.MetadataMinAge(500 * time.Millisecond),
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
		// A record that can't be placed within the time that its client waits is failed, not kept for ever. 1 s is the
		// least that the client library takes; the Publisher itself stops waiting at its own time-out.
		kgo.RecordDeliveryTimeout(max(pc.Timeout, time.Second)),
		// How long a broker may take over one request: bounded by the same wait, so that a hanging broker is given up
		// while there is still time for another.
		kgo.ProduceRequestTimeout(max(pc.Timeout/2, time.Second)),
		kgo.RequestTimeoutOverhead(max(pc.Timeout/2, time.Second)),
		// What waits for a slow or absent Kafka lives in this process's memory, so it is bounded; beyond it TryProduce
		// fails at once and the client is told to come again.
		kgo.MaxBufferedRecords(pc.MaxBufferedRecords),
		kgo.MaxBufferedBytes(pc.MaxBufferedBytes),
		// A topic that does not exist is a fault of the deployment. It fails after a few looks and is never created
		// on the fly, with whatever partitions the broker's default has.
		kgo.UnknownTopicRetries(4),
	)
	client, err := kgo.NewClient(append(opts, extra...)...)
	if err != nil {
		return nil, fmt.Errorf("make Kafka client: %w", err)
	}
	return client, nil
}

// checkTopic asks any broker for the topic's metadata and fails unless each of its partitions has a leader to write to.
func checkTopic(ctx context.Context, client *kgo.Client, topic string) error {
	req := kmsg.NewPtrMetadataRequest()
	rt := kmsg.NewMetadataRequestTopic()
	rt.Topic = kmsg.StringPtr(topic)
	req.Topics = append(req.Topics, rt)
	resp, err := req.RequestWith(ctx, client)
	if err != nil {
		return fmt.Errorf("ask Kafka for topic %s: %w", topic, err)
	}
	for _, t := range resp.Topics {
		if err := errorOf(t.ErrorCode); err != nil {
			return fmt.Errorf("ask Kafka for topic %s: %w", topic, err)
		}
		for _, p := range t.Partitions {
			if p.Leader < 0 {
				return fmt.Errorf("partition %s-%d has no leader", topic, p.Partition)
			}
		}
	}
	return nil
}
