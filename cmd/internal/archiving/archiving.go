// Package archiving makes the archive and the archiver from their settings. It is separate from package assembly so
// that the function's binary has no client of S3.
package archiving

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/archive"
	"event-processing-service/archive/consumer"
	"event-processing-service/archive/objects"
	"event-processing-service/cmd/internal/assembly"
	"event-processing-service/internal/settings"
)

// Open opens the archive that a URL names.
func Open(a *assembly.Assembly, url string) (objects.Place, error) { return objects.Open(url, a.AWS) }

// Topics are the topics to archive: those of the events, and the dead letters of each processor.
func Topics(a *assembly.Assembly, env settings.Processor) []string {
	topics := env.EventTopics()
	for _, name := range a.Sets.Names() {
		topics = append(topics, env.For(name).DeadLetterTopic)
	}
	return topics
}

// Run archives the records of Topics until ctx ends.
func Run(ctx context.Context, a *assembly.Assembly, env settings.Processor, to archive.Objects, group string,
	window time.Duration, more ...kgo.Opt) error {
	opts, err := a.ClientOptions(env.Kafka, "archive")
	if err != nil {
		return err
	}
	opts = append(opts, more...)
	return consumer.Run(ctx, consumer.Config{
		Topics: Topics(a, env), Group: group, Options: opts, Window: window, Log: a.Log,
	}, archive.NewArchiver(to))
}
