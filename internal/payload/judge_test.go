package payload

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"event-processing-service/internal/event"
)

// The judge reads a payload as a function does that takes events.KafkaEvent from aws-lambda-go: by encoding/json.

// judgedEvent is events.KafkaEvent, but for one thing: encoding/json decodes the second of two headers members into what is
// left of the first, of which nobody wants an imitation.
type judgedEvent struct {
	events.KafkaEvent
	Records map[string][]judgedRecord `json:"records"`
}

type judgedRecord struct {
	events.KafkaRecord
	Headers judgedHeaders `json:"headers"`
}

type judgedHeaders []map[string]events.JSONNumberBytes

func (h *judgedHeaders) UnmarshalJSON(text []byte) error {
	*h = nil
	return json.Unmarshal(text, (*[]map[string]events.JSONNumberBytes)(h))
}

// judge returns the records of each partition.
func judge(payload []byte) (map[string][]event.Record, error) {
	var in judgedEvent
	if err := json.Unmarshal(payload, &in); err != nil {
		return nil, err
	}
	if strings.TrimSpace(string(payload)) == "null" {
		return nil, errors.New("null is no event")
	}
	all := map[string][]event.Record{}
	for name, records := range in.Records {
		all[name] = []event.Record{}
		for _, r := range records {
			if r.Partition != int64(int32(r.Partition)) {
				return nil, fmt.Errorf("partition %d", r.Partition)
			}
			all[name] = append(all[name], judgeRecord(&r))
		}
	}
	return all, nil
}

func judgeRecord(r *judgedRecord) event.Record {
	value, isBase64 := judgeText(r.Value)
	key := []byte(r.Key)
	if isBase64 {
		key, _ = judgeText(r.Key)
	}
	if r.Key == "" {
		key = nil
	}
	out := event.Record{
		Topic: r.Topic, Partition: int32(r.Partition), Offset: r.Offset, Timestamp: r.Timestamp.Time, Key: key, Value: value,
	}
	for _, header := range r.Headers {
		for _, key := range slices.Sorted(maps.Keys(header)) {
			out.Headers = append(out.Headers, event.Header{Key: key, Value: header[key]})
		}
	}
	return out
}

func judgeText(s string) (b []byte, isBase64 bool) {
	if s == "" {
		return nil, true
	}
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || base64.StdEncoding.EncodedLen(len(b)) != len(s) {
		return []byte(s), false
	}
	return b, true
}

// compare holds Parse to the judge.
func compare(t *testing.T, payload []byte) {
	t.Helper()
	want, wantErr := judge(payload)
	batch, err := Parse(payload)
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("the answer to %q is %v, the judge's is %v", payload, err, wantErr)
	}
	if err != nil {
		var fault *FormatError
		if !errors.As(err, &fault) || fault.Detail == "" || fault.Offset < 0 || fault.Offset > len(payload) {
			t.Errorf("the error of %q is %#v", payload, err)
		}
		return
	}
	got, names := map[string][]event.Record{}, []string{}
	for _, p := range batch.Partitions {
		names = append(names, p.Name)
		got[p.Name] = []event.Record{}
		for i := range p.Records {
			got[p.Name] = append(got[p.Name], p.Records[i].Decode())
		}
	}
	if !slices.IsSorted(names) || len(names) != len(want) {
		t.Errorf("the partitions of %q are %q", payload, names)
	}
	if reflect.DeepEqual(want, got) { // quick, and stricter than need be
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records of %q (-judge +got):\n%s", payload, diff)
	}
}
