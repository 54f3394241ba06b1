package assembly_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/twmb/franz-go/pkg/kfake"

	"event-processing-service/cmd/internal/assembly"
	"event-processing-service/internal/event"
	"event-processing-service/internal/kafka"
	"event-processing-service/internal/settings"
	"event-processing-service/internal/store"
	"event-processing-service/processor"
)

// dying is a store that does not get the outcome of a dead letter, as if the process died after it wrote the letter.
type dying struct{ processor.Store }

func (s dying) Finish(ctx context.Context, c event.Claim, o event.Outcome) (event.Reply, error) {
	if o.Status == event.StatusDeadLettered {
		return event.Reply{}, errors.New("killed")
	}
	return s.Store.Finish(ctx, c, o)
}

// noWait is a store in which the lease of a dead process has already ended.
type noWait struct{ processor.Store }

func (s noWait) Begin(ctx context.Context, c event.Claim) (event.Reply, error) {
	c.Lease = time.Nanosecond
	return s.Store.Begin(ctx, c)
}

func settingsOf(brokers ...string) settings.Processor {
	return settings.Processor{
		Kafka:           settings.Kafka{Brokers: brokers, Auth: settings.AuthNone, Topic: "events"},
		DeadLetterTopic: "events.dlq", MaxAttempts: 2,
	}
}

func TestAProcessorFindsInKafkaTheDeadLettersOfTheOneBeforeIt(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(2), kfake.SeedTopics(3, "events", "events.dlq"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	s := settingsOf(cluster.ListenAddrs()...)
	memory := store.NewMemory(time.Hour)
	process := func(s settings.Processor, events processor.Store, in events.KafkaEvent) error {
		a := assembly.New(t.Context(), slog.New(slog.DiscardHandler))
		function, closeAll, err := a.Function(t.Context(), s, assembly.FunctionParts{Store: events})
		if err != nil {
			t.Fatal(err)
		}
		defer closeAll()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		text, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		_, err = function.Invoke(ctx, text)
		return err
	}
	in := events.KafkaEvent{Records: map[string][]events.KafkaRecord{}}
	for i := range int64(9) { // undecodable, in three partitions
		in.Records["events"] = append(in.Records["events"], events.KafkaRecord{
			Topic: "events", Partition: i % 3, Offset: i, Value: base64.StdEncoding.EncodeToString([]byte{0xff, byte(i)}),
			Headers: []map[string]events.JSONNumberBytes{{"ce_id": nil}},
		})
	}
	if err := process(s, dying{noWait{memory}}, in); err == nil {
		t.Fatal("it did not die")
	}
	if err := process(s, memory, in); err != nil {
		t.Fatal(err)
	}
	reader := kafka.NewRecordTopic(
		kafka.Config{Brokers: cluster.ListenAddrs(), Auth: kafka.AuthNone}, kafka.ProducerConfig{}, "events.dlq")
	defer reader.Close()
	var letters []string
	for r, err := range reader.Since(t.Context(), time.Now().Add(-time.Hour)) {
		if err != nil {
			t.Fatal(err)
		}
		says, _ := processor.ReadDeadLetter(&r)
		letters = append(letters, says.Origin.String())
		o, _, _ := memory.Outcome(t.Context(), event.Identity{Source: "/kafka/events", ID: says.Origin.PlaceID()})
		if want := (r.Place); o.Letter != want {
			t.Errorf("the letter of %s is remembered at %+v, and lies at %+v", says.Origin.Place, o.Letter, want)
		}
	}
	slices.Sort(letters)
	if n := len(letters); n != 9 || len(slices.Compact(letters)) != 9 {
		t.Errorf("%d dead letters: %v; want one of each of 9 records", n, letters)
	}
}
