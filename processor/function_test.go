package processor

import (
	"context"
	"errors"
	"strings"
	"testing"

	"event-processing-service/internal/event"
	"event-processing-service/internal/payload"
)

// The sample of aws-lambda-go (events/testdata/kafka-event.json).
const samplePayload = `{
  "eventSource": "aws:kafka",
  "eventSourceArn": "arn:aws:kafka:us-west-2:012345678901:cluster/ExampleMSKCluster/e9f754c6-d29a-4430-a7db-958a19fd2c54-4",
  "bootstrapServers": "b-2.demo-cluster-1.a1bcde.c1.kafka.us-east-1.amazonaws.com:9092,b-1.demo-cluster-1.a1bcde.c1.kafka.us-east-1.amazonaws.com:9092",
  "records": {
    "AWSKafkaTopic-0": [
      {
        "topic": "AWSKafkaTopic",
        "partition": 0,
        "offset": 0,
        "timestamp": 1595035749700,
        "timestampType": "CREATE_TIME",
        "key": "OGQ1NTk2YjQtMTgxMy00MjM4LWIyNGItNmRhZDhlM2QxYzBj",
        "value": "OGQ1NTk2YjQtMTgxMy00MjM4LWIyNGItNmRhZDhlM2QxYzBj",
        "headers": [{"headerKey": [118, -36, 0, 127, -128]}]
      }
    ]
  }
}`

const handWrittenPayload = `{"records":{"events-0":[{"topic":"events","partition":0,"offset":1,"timestamp":1640995200000,"timestampType":"CREATE_TIME","key":"test_key","value":"{\"id\":\"test_123\",\"user\":\"test\",\"message\":\"Hello test\",\"timestamp\":1640995200}"}]}}`

func TestAPayloadThatIsNoEventOfKafkaBeginsNoRecord(t *testing.T) {
	for _, text := range []string{"", "null", "[]", `{"Records":[{"eventSource":"aws:sqs","body":"x"}]}`, strings.TrimSuffix(handWrittenPayload, "}")} {
		r := newRig()
		r.store = brokenStore{r.mem, func(call string) bool {
			t.Errorf("%q came to the store's %s", text, call)
			return true
		}}
		answer, err := Function(r.build(t).Handle).Invoke(t.Context(), []byte(text))
		var fault *payload.FormatError
		if !errors.As(err, &fault) || answer != nil {
			t.Errorf("the answer to %q is %q, %v; want a FormatError", text, answer, err)
		}
	}
}

// Lambda's runtime reads the next payload into the memory of this one.
func TestAHandlerMayKeepItsEventWhenThePayloadIsGone(t *testing.T) {
	r := newRig()
	var kept event.Event
	r.mux.HandleFunc("keep", func(_ context.Context, e event.Event) error {
		kept = e
		return nil
	})
	one := record(1, "k", "id-1", "keep")
	one.Headers = append(one.Headers, payloadRecord(event.Record{Headers: []event.Header{{Key: "ce_tenant", Value: []byte("blue")}}}).Headers...)
	text := payloadOf(batchOf(one))
	if _, err := Function(r.build(t).Handle).Invoke(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	for i := range text {
		text[i] = 'x'
	}
	if kept.ID != "id-1" || kept.Source != "/test" || kept.Type != "keep" || kept.Extension("tenant") != "blue" || kept.DataContentType != "application/json" || string(kept.Data) != `{"n":1}` {
		t.Errorf("the event has become %+v, data %q", kept, kept.Data)
	}
}

func TestAPartitionIsNamedInTheAnswerAsItWasInThePayload(t *testing.T) {
	r := newRig()
	r.cfg.PartialBatchResponse = true
	r.dead.fail = func(event.Record) error { return errNo }
	answer, err := Function(r.build(t).Handle).Invoke(t.Context(), []byte(`{"records":{"<&>-0":[{"offset":7,"headers":[{"ce_id":[49]}]}]}}`))
	if want := `{"batchItemFailures":[{"itemIdentifier":{"partition":"<&>-0","offset":7}}]}`; err != nil || string(answer) != want {
		t.Errorf("the answer is %s, %v; want %s", answer, err, want)
	}
}
