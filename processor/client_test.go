package processor

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"event-processing-service/internal/event"
	"event-processing-service/internal/telemetry"
)

func TestAnOutcomeNamesTheClientThatPostedItsEvent(t *testing.T) {
	r := newRig()
	posted := payloadRecord(event.Record{Place: event.Place{Topic: "events", Offset: 1}, Value: []byte(`{}`),
		Headers: []event.Header{
			{Key: "ce_specversion", Value: []byte("1.0")}, {Key: "ce_id", Value: []byte("posted")},
			{Key: "ce_source", Value: []byte("/test")},
			{Key: "ce_type", Value: []byte("t")}, {Key: event.ClientHeader, Value: []byte("shop")},
		}})
	if _, err := r.deliver(t.Context(), t, batchOf(posted, record(2, "k", "foreign", "t"))); err != nil {
		t.Fatal(err)
	}
	if got := r.outcome(t, "/test", "posted").Client; got != "shop" {
		t.Errorf("the client is %q", got)
	}
	if got := r.outcome(t, "/test", "foreign"); got.Client != "" || got.Status != event.StatusProcessed {
		t.Errorf("the other outcome is of client %q, %s", got.Client, got.Status)
	}
}

// A producer that writes to Kafka directly can send anything, and must not be able to make long log lines.
func TestALogLineIsShortWhateverTheRecordSays(t *testing.T) {
	var lines bytes.Buffer
	r := newRig()
	r.log = telemetry.NewLogger(&lines, slog.LevelInfo)
	long := []byte(strings.Repeat("x", 100_000))
	good := []event.Header{
		{Key: "ce_specversion", Value: []byte("1.0")}, {Key: "ce_id", Value: long}, {Key: "ce_source", Value: long},
		{Key: "ce_type", Value: long},
		{Key: "x-request-id", Value: long}, {Key: event.ClientHeader, Value: long},
	}
	broken := slices.Concat(good, []event.Header{{Key: "ce_" + strings.Repeat("X", 100_000), Value: long}})
	if _, err := r.deliver(t.Context(), t, batchOf(
		payloadRecord(event.Record{Place: event.Place{Topic: "events", Offset: 1}, Value: []byte(`{}`), Headers: broken}),
		payloadRecord(event.Record{Place: event.Place{Topic: "events", Offset: 2}, Value: []byte(`{}`), Headers: good}),
	)); err != nil {
		t.Fatal(err)
	}
	written := strings.Split(strings.TrimSpace(lines.String()), "\n")
	for _, line := range written {
		if len(line) > 6_000 {
			t.Errorf("a line of %d bytes: %.300s", len(line), line)
		}
	}
	if len(written) != 2 {
		t.Errorf("%d lines are logged", len(written))
	}
}
