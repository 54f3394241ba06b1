package trigger

import (
	"encoding/base64"
	"encoding/json"
	"flag"
	"math/rand/v2"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var testSource = Source{
	EventSourceARN:   "arn:aws:kafka:us-east-1:123456789012:cluster/demo/6cc0432b-8618-4f44-bccc-e1fbd8fb7c4d-2",
	BootstrapServers: "b-2.demo.c1.kafka.us-east-1.amazonaws.com:9098,b-1.demo.c1.kafka.us-east-1.amazonaws.com:9098",
}

func TestPayloadHasTheFormOfAnMSKEvent(t *testing.T) {
	at := time.UnixMilli(1595035749700)
	records := []*kgo.Record{
		{
			Topic: "events", Partition: 1, Offset: 7, Timestamp: at, Key: []byte("k"), Value: []byte(`{"n":1}`),
			Headers: []kgo.RecordHeader{
				{Key: "bytes", Value: []byte{118, 220, 0, 127, 128}},
				{Key: "empty", Value: []byte{}},
				{Key: "null"},
				{Key: `quote " and ü`, Value: []byte("x")},
				{Key: "bytes", Value: []byte("again")},
			},
		},
		{Topic: "events", Partition: 0, Offset: 40, Timestamp: at, Value: []byte("null key")},
		{Topic: "events", Partition: 1, Offset: 8, Timestamp: at, Key: []byte("tombstone")},
		{Topic: "events", Partition: 0, Offset: 41, Timestamp: at, Key: []byte{}, Value: []byte{}},
		{Topic: "events", Partition: 10, Offset: 1, Timestamp: at, Value: []byte{0xff, 0x00, 0xfe}},
	}
	got := testSource.AppendPayload(nil, records)

	const golden = "testdata/payload.golden.json"
	if *update {
		if err := os.WriteFile(golden, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)+"\n"); diff != "" {
		t.Errorf("payload differs from %s (-want +got):\n%s", golden, diff)
	}
}

func TestPayloadOfNoRecordsIsAValidEvent(t *testing.T) {
	var event events.KafkaEvent
	if err := json.Unmarshal(testSource.AppendPayload(nil, nil), &event); err != nil {
		t.Fatal(err)
	}
	if event.EventSource != "aws:kafka" || len(event.Records) != 0 {
		t.Errorf("got %+v", event)
	}
}

// All bytes that Kafka can carry reach a function that reads events.KafkaEvent unchanged.
func TestPayloadGivesBackEveryByteOfARecord(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 30 {
		records := randomRecords(rng)
		var event events.KafkaEvent
		payload := testSource.AppendPayload(nil, records)
		if err := json.Unmarshal(payload, &event); err != nil {
			t.Fatalf("%v in %s", err, payload)
		}
		var got []*kgo.Record
		for _, group := range byPartition(records) {
			for _, r := range event.Records[partitionKey(group[0])] {
				got = append(got, decodeRecord(t, r))
			}
			delete(event.Records, partitionKey(group[0]))
		}
		if len(event.Records) != 0 {
			t.Fatalf("keys that no record has: %v", event.Records)
		}
		var want []*kgo.Record
		for _, group := range byPartition(records) {
			want = append(want, group...)
		}
		if diff := cmp.Diff(plain(want), plain(got)); diff != "" {
			t.Fatalf("-want +got:\n%s\n%s", diff, payload)
		}
	}
}

// An event that aws-lambda-go writes and the same event that this package writes are equal as JSON. The input has no
// empty keys and values, because aws-lambda-go cannot tell them from null.
func TestPayloadAgreesWithTheEventsPackage(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 30 {
		records := randomRecords(rng)
		event := events.KafkaEvent{
			EventSource: "aws:kafka", EventSourceARN: testSource.EventSourceARN,
			BootstrapServers: testSource.BootstrapServers, Records: map[string][]events.KafkaRecord{},
		}
		for _, r := range records {
			if len(r.Key) == 0 {
				r.Key = nil
			}
			if len(r.Value) == 0 {
				r.Value = nil
			}
			k := partitionKey(r)
			event.Records[k] = append(event.Records[k], encodeRecord(r))
		}
		theirs, err := json.Marshal(event)
		if err != nil {
			t.Fatal(err)
		}
		ours := testSource.AppendPayload(nil, records)
		// cmp is slow on trees of interfaces, so it only describes the difference.
		if want, got := generic(t, theirs), generic(t, ours); !reflect.DeepEqual(want, got) {
			t.Fatalf("-aws-lambda-go +ours:\n%s", cmp.Diff(want, got))
		}
	}
}

func TestPayloadReplacesInvalidUTF8InHeaderKeys(t *testing.T) {
	r := &kgo.Record{Topic: "t", Headers: []kgo.RecordHeader{{Key: "a\xffb", Value: []byte("v")}}}
	var event events.KafkaEvent
	if err := json.Unmarshal(testSource.AppendPayload(nil, []*kgo.Record{r}), &event); err != nil {
		t.Fatal(err)
	}
	if _, ok := event.Records["t-0"][0].Headers[0]["a\ufffdb"]; !ok {
		t.Errorf("headers are %v", event.Records["t-0"][0].Headers)
	}
}

func BenchmarkPayload(b *testing.B) {
	value := make([]byte, 1024)
	records := make([]*kgo.Record, 100)
	for i := range records {
		records[i] = &kgo.Record{
			Topic: "events", Partition: int32(i % 3), Offset: int64(i), Key: []byte("customer-1"), Value: value,
			Headers: []kgo.RecordHeader{{Key: "ce_id", Value: []byte("0192f7a0-0000-7000-8000-000000000000")}},
		}
	}
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = testSource.AppendPayload(dst[:0], records)
	}
	b.SetBytes(int64(len(dst)))
}

func randomRecords(rng *rand.Rand) []*kgo.Record {
	bytes := func(n int) []byte {
		b := make([]byte, rng.IntN(n))
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return b
	}
	keys := []string{"ce_id", "content-type", "ü<&>", "", "\u2028", "a\tb", `\`, "\x7f"}
	records := make([]*kgo.Record, rng.IntN(60))
	for i := range records {
		r := &kgo.Record{
			Topic: "events", Partition: rng.Int32N(3), Offset: rng.Int64(),
			Timestamp: time.UnixMilli(rng.Int64N(4e12)),
		}
		if rng.IntN(4) > 0 {
			r.Key = bytes(20)
		}
		if rng.IntN(4) > 0 {
			r.Value = bytes(300)
		}
		for range rng.IntN(4) {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: keys[rng.IntN(len(keys))], Value: bytes(40)})
		}
		records[i] = r
	}
	return records
}

func encodeRecord(r *kgo.Record) events.KafkaRecord {
	out := events.KafkaRecord{
		Topic: r.Topic, Partition: int64(r.Partition), Offset: r.Offset,
		Timestamp: events.MilliSecondsEpochTime{Time: r.Timestamp}, TimestampType: "CREATE_TIME",
		Key:     base64.StdEncoding.EncodeToString(r.Key),
		Value:   base64.StdEncoding.EncodeToString(r.Value),
		Headers: []map[string]events.JSONNumberBytes{},
	}
	for _, h := range r.Headers {
		out.Headers = append(out.Headers, map[string]events.JSONNumberBytes{h.Key: h.Value})
	}
	return out
}

func decodeRecord(t *testing.T, r events.KafkaRecord) *kgo.Record {
	t.Helper()
	out := &kgo.Record{
		Topic: r.Topic, Partition: int32(r.Partition), Offset: r.Offset, Timestamp: r.Timestamp.Time,
		Key: decodeBase64(t, r.Key), Value: decodeBase64(t, r.Value),
	}
	for _, h := range r.Headers {
		for k, v := range h {
			out.Headers = append(out.Headers, kgo.RecordHeader{Key: k, Value: v})
		}
	}
	return out
}

func decodeValue(s string) (string, error) {
	b, err := base64.StdEncoding.DecodeString(s)
	return string(b), err
}

func decodeBase64(t *testing.T, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type plainRecord struct {
	Topic      string
	Partition  int32
	Offset     int64
	Millis     int64
	Key, Value string
	Headers    [][2]string
}

// plain makes records comparable: null and empty bytes become equal.
func plain(records []*kgo.Record) []plainRecord {
	var out []plainRecord
	for _, r := range records {
		p := plainRecord{r.Topic, r.Partition, r.Offset, r.Timestamp.UnixMilli(), string(r.Key), string(r.Value), nil}
		for _, h := range r.Headers {
			p.Headers = append(p.Headers, [2]string{h.Key, string(h.Value)})
		}
		out = append(out, p)
	}
	return out
}

func generic(t *testing.T, b []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	return v
}
