package payload

import (
	_ "embed"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"event-processing-service/internal/event"
)

// The sample of aws-lambda-go (events/testdata/kafka-event.json), whose header bytes are signed.
//
//go:embed testdata/msk.json
var sample string

//go:embed testdata/hand-written.json
var handWritten string

// The example of the guide for self-managed Kafka, which has another event source and no ARN.
const selfManaged = `{"eventSource":"SelfManagedKafka","bootstrapServers":"b-2.demo.example.com:9092",` +
	`"records":{"mytopic-0":[{"topic":"mytopic","partition":0,"offset":15,"timestamp":1545084650987,` +
	`"timestampType":"CREATE_TIME","key":"abcDEFghiJKLmnoPQRstuVWXyz1234==",` +
	`"value":"SGVsbG8sIHRoaXMgaXMgYSB0ZXN0Lg==","headers":[{"headerKey":[104,101,97,100,101,114,86,97,108,117,101]}]}]}}`

// compact is an invocation as Lambda writes it, with two partitions.
const compact = `{"eventSource":"aws:kafka","records":{"t-0":[{"topic":"t","partition":0,"offset":7,` +
	`"timestamp":1595035749700,"timestampType":"CREATE_TIME","key":"a2V5","value":"eyJuIjoxfQ==",` +
	`"headers":[{"ce_id":[49,-128]},{"b":[]}]}],"t-10":[{"topic":"t","partition":10,"offset":-1}]}}`

func base64Of(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func parse(t testing.TB, payload string) Batch {
	t.Helper()
	batch, err := Parse([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	return batch
}

func TestRecordsAreDecoded(t *testing.T) {
	base := func(s string) string { return base64Of([]byte(s)) }
	for _, test := range []struct {
		name    string
		payload string
		want    event.Record
	}{
		{
			"key and value of Lambda are base64, header bytes signed", sample,
			event.Record{
				Place: event.Place{Topic: "AWSKafkaTopic"}, Timestamp: time.UnixMilli(1595035749700),
				Key:     []byte("8d5596b4-1813-4238-b24b-6dad8e3d1c0c"),
				Value:   []byte("8d5596b4-1813-4238-b24b-6dad8e3d1c0c"),
				Headers: []event.Header{{Key: "headerKey", Value: []byte{118, 220, 0, 127, 128}}},
			},
		},
		{
			"a record of self-managed Kafka is one of MSK", selfManaged,
			event.Record{
				Place: event.Place{Topic: "mytopic", Offset: 15}, Timestamp: time.UnixMilli(1545084650987),
				Key:     []byte("abcDEFghiJKLmnoPQRstuVWXyz1234=="), // the guide's own key is not base64
				Value:   []byte("Hello, this is a test."),
				Headers: []event.Header{{Key: "headerKey", Value: []byte("headerValue")}},
			},
		},
		{
			"a hand-written record is plain text", handWritten,
			event.Record{
				Place: event.Place{Topic: "events", Offset: 1}, Timestamp: time.UnixMilli(1640995200000),
				Key:   []byte("test_key"),
				Value: []byte(`{"id":"test_123","user":"test","message":"Hello test","timestamp":1640995200}`),
			},
		},
		{
			"the key of a hand-written record is plain text even if it could be base64",
			oneRecord(`"key":"testkey1","value":"{\"n\":1}"`),
			event.Record{Key: []byte("testkey1"), Value: []byte(`{"n":1}`)},
		},
		{
			"the key of a record in base64 is decoded",
			oneRecord(`"key":"` + base("key") + `","value":"` + base(`{"n":1}`) + `"`),
			event.Record{Key: []byte("key"), Value: []byte(`{"n":1}`)},
		},
		{
			"a key that can't be base64 is plain text whatever the value is",
			oneRecord(`"key":"test_key","value":"` + base(`{"n":1}`) + `"`),
			event.Record{Key: []byte("test_key"), Value: []byte(`{"n":1}`)},
		},
		{
			"a tombstone has a key and no value", oneRecord(`"key":"` + base("key") + `"`),
			event.Record{Key: []byte("key")},
		},
		{
			"an empty key and an empty value are not none", oneRecord(`"key":"","value":""`),
			event.Record{Key: []byte{}, Value: []byte{}},
		},
		{
			"null is none", oneRecord(`"key":null,"value":null`),
			event.Record{},
		},
		{
			"several headers in one element come in the order of their names", oneHeaders(`[{"z":[49]},{"b":[51],"a":[50]},{}]`),
			event.Record{Headers: []event.Header{{Key: "z", Value: []byte("1")}, {Key: "a", Value: []byte("2")},
				{Key: "b", Value: []byte("3")}}},
		},
		{
			"what a later version of Lambda adds is passed over",
			oneRecord(`"keySchemaMetadata":{"dataFormat":"AVRO","schemaId":"1234"},"offset":3`),
			event.Record{Place: event.Place{Offset: 3}},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := parse(t, test.payload).Partitions[0].Records[0].Decode()
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("record (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodingGivesBytesOfItsOwnEachTime(t *testing.T) {
	for name, text := range map[string][2]string{"plain text": {"test_key", "{}"}, "base64": {"dGVzdF9rZXk=", "e30="}} {
		payload := []byte(oneRecord(`"key":"` + text[0] + `","value":"` + text[1] + `","headers":[{"h":[118]},{"i":[119]}]`))
		batch, err := Parse(payload)
		if err != nil {
			t.Fatal(err)
		}
		record := &batch.Partitions[0].Records[0]
		first, second := record.Decode(), record.Decode()
		_, _ = append(first.Value, "YYYYYYYY"...), append(first.Headers[0].Value, 'Y')
		if string(first.Key) != "test_key" || string(first.Headers[1].Value) != "w" {
			t.Errorf("%s: the key is %q and the second header %q after one appended to the value and the first header", name,
				first.Key, first.Headers[1].Value)
		}
		clear(first.Key)
		clear(first.Value)
		clear(payload) // Lambda's runtime reads the next payload into it
		if string(second.Key) != "test_key" || string(second.Value) != "{}" || string(second.Headers[0].Value) != "v" {
			t.Errorf("%s: the second decoding has %q, %q and %q: it changed with the first or the payload", name, second.Key,
				second.Value, second.Headers[0].Value)
		}
	}
}

func TestAPartitionThatOccursTwiceHasTheRecordsOfBoth(t *testing.T) {
	batch := parse(t, `{"records":{"a-0":[{"offset":1},{"offset":2}],"b-0":[{"offset":7}],"a-0":[{"offset":3}]}}`)
	if len(batch.Partitions) != 2 || batch.Len() != 4 {
		t.Fatalf("there are %d partitions with %d records, want 2 with 4", len(batch.Partitions), batch.Len())
	}
	for i, want := range []int64{1, 2, 3} {
		if got := batch.Partitions[0].Records[i].Offset; got != want {
			t.Errorf("record %d has offset %d, want %d", i, got, want)
		}
	}
	if got := batch.Partitions[1].Records[0].Offset; got != 7 {
		t.Errorf("the other partition's record has become that at offset %d", got)
	}
}

func TestPartitionsComeInTheOrderOfTheirNames(t *testing.T) {
	batch := parse(t, `{"records":{"b-1":[{}],"a-2":[{},{}],"a-10":[]}}`)
	var names []string
	for _, p := range batch.Partitions {
		names = append(names, p.Name)
	}
	if diff := cmp.Diff([]string{"a-10", "a-2", "b-1"}, names); diff != "" || batch.Len() != 3 {
		t.Errorf("%d records, partitions (-want +got):\n%s", batch.Len(), diff)
	}
}

func TestAnInvalidPayloadIsAnErrorThatSaysWhatIsWrong(t *testing.T) {
	for _, test := range []struct{ payload, want string }{
		{"", "it is empty (at byte 0)"},
		{" \n", "it is empty (at byte 2)"},
		{"null", "it must be a JSON object (at byte 0)"},
		{"[]", "it must be a JSON object, not an array (at byte 0)"},
		{`"{}"`, "it must be a JSON object, not a string (at byte 0)"},
		{"{}{}", "it goes on after its end (at byte 2)"},
		{`{"records":`, "it ends where an object with the records of each partition should be, records (at byte 11)"},
		{`{"Records":[{"eventSource":"aws:sqs"}]}`,
			"records must be an object with the records of each partition, not an array (at byte 11)"},
		{`{"records":{"events-0":[{},{"offset":"7"}]}}`,
			`offset must be a whole number, not a string (at byte 37, in record 2 of "events-0")`},
		{oneRecord(`"offset":1.5`), `offset must be a whole number of 64 bits (at byte 34, in record 1 of "events-0")`},
		{oneRecord(`"partition":2147483648`),
			`partition must be a whole number of 32 bits (at byte 37, in record 1 of "events-0")`},
		{oneRecord(`"value":{"n":1}`), `value must be a string, not an object (at byte 33, in record 1 of "events-0")`},
		{oneHeaders(`[{"a":"b"}]`),
			`a header's value must be an array of its bytes as numbers, not a string (at byte 41, in record 1 of "events-0")`},
		{oneHeaders(`[{"a":[1,200]}]`), `a byte of a header must be -128 to 127 (at byte 44, in record 1 of "events-0")`},
		{strings.Repeat(" ", MaxBytes+1), "it has 33554433 bytes, 33554432 are the limit (at byte 0)"},
	} {
		_, err := Parse([]byte(test.payload))
		if want := "the payload is not a batch of Kafka records: " + test.want; err == nil || err.Error() != want {
			t.Errorf("the error of %.60q is\n%v, want\n%s", test.payload, err, want)
		}
	}
}

func FuzzDecodeText(f *testing.F) {
	for _, s := range []string{"", "{}", `{"a":1}`, "test_key", "dGVzdA==", "dGVzdA", "dGVz\ndA==", "dGVzdB==", "1234",
		"null", "\x00\xff"} {
		f.Add(s)
	}
	decode := func(s string) ([]byte, bool) { return decodeText(make([]byte, len(s)), []byte(s)) }
	f.Fuzz(func(t *testing.T, s string) {
		if got, isBase64 := decode(base64Of([]byte(s))); string(got) != s || !isBase64 {
			t.Errorf("decoding the base64 of %q gives %q, base64 %t", s, got, isBase64)
		}
		got, isBase64 := decode(s)
		if isBase64 && base64Of(got) != s {
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
