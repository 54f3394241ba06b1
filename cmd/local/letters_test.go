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

func TestTheOutcomeOfADeadLetterLeadsToItAndTellsOfItsReplay(t *testing.T) {
	kafkaPort := freePort(t)
	url, _ := serveOn(t, kafkaPort)
	publisher := kafka.NewRecordPublisher(kafka.Config{Brokers: []string{fmt.Sprintf("127.0.0.1:%d", kafkaPort)}, Auth: kafka.AuthNone}, kafka.ProducerConfig{})
	defer publisher.Close()
	publish := func(r event.Record) event.Place {
		t.Helper()
		at, err := publisher.Publish(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	// A record that has ce_ headers and is no event: nothing mends it.
	first := publish(event.Record{Topic: "events", Key: []byte("k"), Value: []byte("x"), Headers: []event.Header{{Key: "ce_id", Value: []byte("1")}}})
	ask := func(replays int) (o outcome) {
		t.Helper()
		at := fmt.Sprintf("%s/v1/events/%s/%d/%d?source=/kafka/events", url, first.Topic, first.Partition, first.Offset)
		eventually(t, "dead-lettered", func() bool {
			o = outcome{}
			status, body := get(at)
			return status == http.StatusOK && json.Unmarshal([]byte(body), &o) == nil && o.Replays == replays
		})
		return o
	}
	for replays := range 2 {
		o := ask(replays)
		var letter event.Record
		for r, err := range publisher.Since(t.Context(), "events.dlq", time.Now().Add(-time.Minute)) {
			if err != nil {
				t.Fatal(err)
			}
			letter = r // the last is the latest: all have one key
		}
		says, _ := processor.ReadDeadLetter(&letter)
		want := outcome{"dead-lettered", "events", o.Offset, replays, says.Error, &place{letter.Topic, int64(letter.Partition), letter.Offset}}
		if diff := cmp.Diff(want, o); diff != "" || says.Hops != replays+1 {
			t.Fatalf("after %d replays, hops %d (-want +got):\n%s", replays, says.Hops, diff)
		}
		again, _ := processor.Replay(&letter)
		publish(again)
	}
}
