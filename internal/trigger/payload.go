package trigger

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Source is what each payload of a mapping tells about the origin of its records.
type Source struct {
	// EventSourceARN is the ARN of the MSK cluster.
	EventSourceARN string
	// BootstrapServers is the brokers' addresses, joined by commas.
	BootstrapServers string
}

// AppendPayload appends to dst the JSON event with which an MSK event source mapping invokes a function, and returns
// the extended slice. The records may be of several partitions in any order: they are grouped by "topic-partition",
// and each group keeps their order. The groups are sorted, so that equal records give equal bytes.
//
// Source: AWS Lambda Developer Guide, "Using Lambda with Amazon MSK", example event.
func (s Source) AppendPayload(dst []byte, records []*kgo.Record) []byte {
	dst = append(dst, `{"eventSource":"aws:kafka","eventSourceArn":`...)
	dst = appendString(dst, s.EventSourceARN)
	dst = append(dst, `,"bootstrapServers":`...)
	dst = appendString(dst, s.BootstrapServers)
	dst = append(dst, `,"records":{`...)
	for i, group := range byPartition(records) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, partitionKey(group[0]))
		dst = append(dst, ':', '[')
		for j, r := range group {
			if j > 0 {
				dst = append(dst, ',')
			}
			dst = appendRecord(dst, r)
		}
		dst = append(dst, ']')
	}
	return append(dst, '}', '}')
}

// partitionKey is the name of a partition in the payload and in the partial batch response.
func partitionKey(r *kgo.Record) string {
	return r.Topic + "-" + strconv.Itoa(int(r.Partition))
}

// byPartition splits records by topic and partition, sorted by these. It keeps their order within each.
func byPartition(records []*kgo.Record) [][]*kgo.Record {
	same := func(a, b *kgo.Record) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	}
	sorted := slices.Clone(records)
	slices.SortStableFunc(sorted, same)
	var groups [][]*kgo.Record
	for start, i := 0, 1; i <= len(sorted); i++ {
		if i == len(sorted) || same(sorted[start], sorted[i]) != 0 {
			groups = append(groups, sorted[start:i:i])
			start = i
		}
	}
	return groups
}

func appendRecord(dst []byte, r *kgo.Record) []byte {
	dst = append(dst, `{"topic":`...)
	dst = appendString(dst, r.Topic)
	dst = append(dst, `,"partition":`...)
	dst = strconv.AppendInt(dst, int64(r.Partition), 10)
	dst = append(dst, `,"offset":`...)
	dst = strconv.AppendInt(dst, r.Offset, 10)
	dst = append(dst, `,"timestamp":`...)
	dst = strconv.AppendInt(dst, r.Timestamp.UnixMilli(), 10)
	dst = append(dst, `,"timestampType":"`...)
	dst = append(dst, timestampType(r)...)
	dst = append(dst, '"')
	// A null key or value is an absent member, as for functions in AWS; an empty one is "". Go's events package reads
	// both as "", other runtimes distinguish them.
	if r.Key != nil {
		dst = appendBase64(append(dst, `,"key":`...), r.Key)
	}
	if r.Value != nil {
		dst = appendBase64(append(dst, `,"value":`...), r.Value)
	}
	dst = append(dst, `,"headers":[`...)
	for i, h := range r.Headers {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(append(dst, '{'), h.Key)
		dst = appendSignedBytes(append(dst, ':'), h.Value)
		dst = append(dst, '}')
	}
	return append(dst, ']', '}')
}

// timestampType is the name that Kafka's Java client has for the type; the mapping of AWS is built on that client.
func timestampType(r *kgo.Record) string {
	switch r.Attrs.TimestampType() {
	case 0:
		return "CREATE_TIME"
	case 1:
		return "LOG_APPEND_TIME"
	default:
		// Message format v0 (before Kafka 0.10) has no timestamps.
		return "NO_TIMESTAMP_TYPE"
	}
}

func appendBase64(dst, b []byte) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, b)
	return append(dst, '"')
}

// appendSignedBytes writes bytes as Java has them, -128 to 127: those from 0x80 on are negative. A null header value
// becomes an empty array, because functions expect an array there, and no documented event shows anything else.
func appendSignedBytes(dst, b []byte) []byte {
	dst = append(dst, '[')
	for i, c := range b {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(dst, int64(int8(c)), 10)
	}
	return append(dst, ']')
}

// appendString writes a JSON string. Topics and nearly all header keys are plain ASCII and are copied. encoding/json
// does the others, and replaces what is not UTF-8 with U+FFFD (Kafka does not check header keys).
func appendString(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			quoted, err := json.Marshal(s)
			if err != nil {
				panic(err) // encoding/json has no error for a string
			}
			return append(dst, quoted...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}
