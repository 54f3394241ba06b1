package processor

import (
	"encoding/base64"
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"event-processing-service/internal/event"
)

// The sample of aws-lambda-go (events/testdata/kafka-event.json), whose header bytes are signed.
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

func parsePayload(t testing.TB, payload string) events.KafkaEvent {
	t.Helper()
	var in events.KafkaEvent
	if err := json.Unmarshal([]byte(payload), &in); err != nil {
		t.Fatal(err)
	}
	return in
}

func TestRecordsAreDecoded(t *testing.T) {
	base := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, test := range []struct {
		name string
		in   events.KafkaRecord
		want event.Record
	}{
		{
			"key and value of Lambda are base64, header bytes signed",
			parsePayload(t, samplePayload).Records["AWSKafkaTopic-0"][0],
			event.Record{
				Topic: "AWSKafkaTopic", Timestamp: time.UnixMilli(1595035749700),
				Key:     []byte("8d5596b4-1813-4238-b24b-6dad8e3d1c0c"),
				Value:   []byte("8d5596b4-1813-4238-b24b-6dad8e3d1c0c"),
				Headers: []event.Header{{Key: "headerKey", Value: []byte{118, 220, 0, 127, 128}}},
			},
		},
		{
			"a hand-written record is plain text",
			parsePayload(t, handWrittenPayload).Records["events-0"][0],
			event.Record{
				Topic: "events", Offset: 1, Timestamp: time.UnixMilli(1640995200000),
				Key:   []byte("test_key"),
				Value: []byte(`{"id":"test_123","user":"test","message":"Hello test","timestamp":1640995200}`),
			},
		},
		{
			"the key of a hand-written record is plain text even if it could be base64",
			events.KafkaRecord{Key: "testkey1", Value: `{"n":1}`},
			event.Record{Key: []byte("testkey1"), Value: []byte(`{"n":1}`)},
		},
		{
			"the key of a record in base64 is decoded",
			events.KafkaRecord{Key: base("key"), Value: base(`{"n":1}`)},
			event.Record{Key: []byte("key"), Value: []byte(`{"n":1}`)},
		},
		{
			"a key that can't be base64 is plain text whatever the value is",
			events.KafkaRecord{Key: "test_key", Value: base(`{"n":1}`)},
			event.Record{Key: []byte("test_key"), Value: []byte(`{"n":1}`)},
		},
		{
			"a tombstone has a key and no value",
			events.KafkaRecord{Key: base("key")},
			event.Record{Key: []byte("key")},
		},
		{
			"several headers in one element come in the order of their names",
			events.KafkaRecord{Headers: []map[string]events.JSONNumberBytes{{"z": []byte("1")}, {"b": []byte("3"), "a": []byte("2")}, {}}},
			event.Record{Headers: []event.Header{{Key: "z", Value: []byte("1")}, {Key: "a", Value: []byte("2")}, {Key: "b", Value: []byte("3")}}},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, decodeRecord(&test.in)); diff != "" {
				t.Errorf("record (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodingGivesBytesOfItsOwnEachTime(t *testing.T) {
	in := events.KafkaRecord{Key: "test_key", Value: "{}", Headers: []map[string]events.JSONNumberBytes{{"h": []byte("v")}}}
	first := decodeRecord(&in)
	first.Key[0], first.Value[0] = 'X', 'X'
	if second := decodeRecord(&in); string(second.Key) != "test_key" || string(second.Value) != "{}" {
		t.Errorf("second decoding sees %q and %q, which the first one's owner changed", second.Key, second.Value)
	}
}

func FuzzDecodeBytes(f *testing.F) {
	for _, s := range []string{"", "{}", `{"a":1}`, "test_key", "dGVzdA==", "dGVzdA", "dGVz\ndA==", "dGVzdB==", "1234", "null", "\x00\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, isBase64 := decodeBytes(base64.StdEncoding.EncodeToString([]byte(s))); string(got) != s || !isBase64 {
			t.Errorf("decoding the base64 of %q gives %q, base64 %t", s, got, isBase64)
		}
		got, isBase64 := decodeBytes(s)
		if isBase64 && base64.StdEncoding.EncodeToString(got) != s {
			t.Errorf("%q was taken for base64, but its bytes %q are written otherwise", s, got)
		}
		if !isBase64 && string(got) != s {
			t.Errorf("%q is not base64, and became %q", s, got)
		}
		if len(s) > 0 && (s[0] == '{' || s[0] == '[' || s[0] == '"') && string(got) != s {
			t.Errorf("JSON %q became %q", s, got)
		}
	})
}
