package archiving

import (
	"log/slog"
	"slices"
	"testing"

	"event-processing-service/cmd/internal/assembly"
	"event-processing-service/internal/settings"
	"event-processing-service/processor"
)

func TestTheDeadLettersOfEachProcessorAreArchived(t *testing.T) {
	a := assembly.New(t.Context(), slog.New(slog.DiscardHandler))
	a.Sets = processor.Sets{{}, {Name: "audit"}, {Name: "mail"}}
	want := []string{"events", "events.dlq", "events.dlq.audit", "events.dlq.mail"}
	for _, running := range []string{"", "audit"} {
		events := settings.Kafka{Topic: "events"}
		env := settings.Processor{Kafka: events, DeadLetterTopic: "events.dlq"}.For(running)
		if got := Topics(a, env); !slices.Equal(got, want) {
			t.Errorf("from processor %q's settings: %q, want %q", running, got, want)
		}
	}
}
