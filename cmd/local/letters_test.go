package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"event-processing-service/internal/event"
	"event-processing-service/internal/kafka"
	"event-processing-service/processor"
)

type place struct {
	Topic             string
	Partition, Offset int64
}

type outcome struct {
	Status     string
	Topic      string
	Offset     int64
	Replays    int
	Reason     string
	DeadLetter *place `json:"dead_letter"`
}

func topicOf(t *testing.T, kafkaPort int, name string) *kafka.RecordTopic {
	t.Helper()
	brokers := kafka.Config{Brokers: []string{fmt.Sprintf("127.0.0.1:%d", kafkaPort)}, Auth: kafka.AuthNone}
	topic := kafka.NewRecordTopic(brokers, kafka.ProducerConfig{}, name)
	t.Cleanup(topic.Close)
	return topic
}

// fail publishes a record that has ce_ headers and is not an event: no retry changes that.
func fail(t *testing.T, kafkaPort int, topic string) event.Place {
	t.Helper()
	at, err := topicOf(t, kafkaPort, topic).Publish(t.Context(), event.Record{
		Key: []byte("k"), Value: []byte("x"), Headers: []event.Header{{Key: "ce_id", Value: []byte("1")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func recordsOf(t *testing.T, kafkaPort int, topic string) (all []event.Record) {
	t.Helper()
	for r, err := range topicOf(t, kafkaPort, topic).Since(t.Context(), time.Now().Add(-time.Minute)) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

func TestTheOutcomeOfADeadLetterLeadsToItAndTellsOfItsReplay(t *testing.T) {
	kafkaPort := freePort(t)
	url, _ := serveOn(t, kafkaPort)
	fail(t, kafkaPort, "events")
	id := recordsOf(t, kafkaPort, "events")[0].PlaceID()
	ask := func(replays int) (o outcome) {
		t.Helper()
		at := url + "/v1/events/" + id + "?source=/kafka/events"
		eventually(t, "dead-lettered", func() bool {
			o = outcome{}
			status, body := get(at)
			return status == http.StatusOK && json.Unmarshal([]byte(body), &o) == nil && o.Replays == replays
		})
		return o
	}
	for replays := range 2 {
		o := ask(replays)
		letters := recordsOf(t, kafkaPort, "events.dlq")
		letter := letters[len(letters)-1] // the last is the latest: all have one key
		says, _ := processor.ReadDeadLetter(&letter)
		want := outcome{"dead-lettered", "events", o.Offset, replays, says.Error,
			&place{letter.Topic, int64(letter.Partition), letter.Offset}}
		if diff := cmp.Diff(want, o); diff != "" || says.Hops != replays+1 {
			t.Fatalf("after %d replays, hops %d (-want +got):\n%s", replays, says.Hops, diff)
		}
		again, _ := processor.Replay(&letter)
		if _, err := topicOf(t, kafkaPort, "events").Publish(t.Context(), again); err != nil {
			t.Fatal(err)
		}
	}
}
