package payload

import (
	"bytes"
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

// The judge reads a payload as a function that takes events.KafkaEvent of aws-lambda-go: with encoding/json.

// judgedEvent is events.KafkaEvent with two differences: a partition may occur twice, and of two headers members the
// last one counts. encoding/json mixes the two.
type judgedEvent struct {
	events.KafkaEvent
	Records judgedRecords `json:"records"`
}

// judgedRecords joins the records of a partition that occurs twice.
type judgedRecords map[string][]judgedRecord

func (all *judgedRecords) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		*all = nil
		return nil
	}
	var each map[string]json.RawMessage // its type error tells what is not an object
	if err := json.Unmarshal(text, &each); err != nil {
		return err
	}
	if *all == nil {
		*all = judgedRecords{}
	}
	in := json.NewDecoder(bytes.NewReader(text))
	_, _ = in.Token() // the opening brace
	for in.More() {
		name, err := in.Token()
		if err != nil {
			return err
		}
		var records []judgedRecord
		if err := in.Decode(&records); err != nil {
			return err
		}
		(*all)[name.(string)] = append((*all)[name.(string)], records...)
	}
	return nil
}

type judgedRecord struct {
	events.KafkaRecord
	Key     *string       `json:"key"` // of which "" is not the same as none
	Value   *string       `json:"value"`
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
		return nil, errors.New("null is not an event")
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
	var key []byte
	if r.Key != nil {
		key = []byte(*r.Key)
	}
	if isBase64 {
		key, _ = judgeText(r.Key)
	}
	out := event.Record{
		Place: event.Place{Topic: r.Topic, Partition: int32(r.Partition), Offset: r.Offset}, Timestamp: r.Timestamp.Time,
		Key: key, Value: value,
	}
	for _, header := range r.Headers {
		for _, key := range slices.Sorted(maps.Keys(header)) {
			out.Headers = append(out.Headers, event.Header{Key: key, Value: header[key]})
		}
	}
	return out
}

func judgeText(s *string) (b []byte, isBase64 bool) {
	if s == nil {
		return nil, true
	}
	b, err := base64.StdEncoding.Strict().DecodeString(*s)
	if err != nil || base64.StdEncoding.EncodedLen(len(b)) != len(*s) {
		return []byte(*s), false
	}
	return b, true
}

// compare fails if Parse and the judge differ.
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
	if reflect.DeepEqual(want, got) { // fast, and stricter than necessary
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records of %q (-judge +got):\n%s", payload, diff)
	}
}
