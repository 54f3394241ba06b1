package payload

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
	"unsafe"

	"event-processing-service/internal/event"
)

// MaxBytes is the largest payload that is read. Lambda sends at most 6 MB (AWS Lambda Developer Guide, "Lambda
// quotas"). Benchmarks need more; the bound keeps a wrong file from filling the memory.
const MaxBytes = 32 << 20

// FormatError says why a payload is not a batch of Kafka records.
type FormatError struct {
	Offset int    // of the fault in the payload, in bytes
	Record string // which record it is in, "" if in none
	Detail string // what is wrong
}

func (e *FormatError) Error() string {
	in := ""
	if e.Record != "" {
		in = ", in " + e.Record
	}
	return fmt.Sprintf("the payload is not a batch of Kafka records: %s (at byte %d%s)", e.Detail, e.Offset, in)
}

// Parse reads the payload of one invocation. The batch refers to parts of it. The error is a *FormatError.
//
// Parse accepts what encoding/json accepts for events.KafkaEvent: unknown members, and known members in any case and
// order, some of them missing, so that a payload may be written by hand. It differs in these points: it refuses null,
// which has no records and would count as a success; it refuses a partition number that is not one, and payloads
// larger than MaxBytes; of two headers members it takes the last, where encoding/json mixes them; and it keeps the
// records of a partition that occurs twice, where encoding/json loses the first ones.
func Parse(payload []byte) (Batch, error) {
	if len(payload) > MaxBytes {
		return Batch{}, &FormatError{Detail: fmt.Sprintf("it has %d bytes, %d are the limit", len(payload), MaxBytes)}
	}
	r := reader{scanner: scanner{text: payload}}
	switch {
	case r.next() == 0:
		r.fail("it is empty")
	case r.next() != '{':
		r.refuse("it", "a JSON object")
	}
	for more := r.begin('{', "it", "a JSON object"); more; more = r.more('{') {
		r.member(r.name())
	}
	if r.next(); r.at != len(r.text) {
		r.fail("it goes on after its end")
	}
	if r.err != nil {
		return Batch{}, r.err
	}
	return r.batch(), nil
}

// reader reads one payload.
type reader struct {
	scanner
	partitions []span
	records    []Record       // of all partitions in one slice, whose number is not known before
	start      int            // where the current record begins
	headers    []event.Header // of the current record
	arena      arena
}

// span is a partition while the slice of records may still move.
type span struct {
	name       string
	start, end int
}

func (r *reader) batch() Batch {
	slices.SortStableFunc(r.partitions, func(a, b span) int { return strings.Compare(a.name, b.name) })
	all := make([]Partition, 0, len(r.partitions))
	for _, p := range r.partitions {
		records := r.records[p.start:p.end:p.end]
		if n := len(all); n > 0 && all[n-1].Name == p.name {
			all[n-1].Records = append(all[n-1].Records, records...) // copies the first, whose slice has no room
			continue
		}
		all = append(all, Partition{Name: p.name, Records: records})
	}
	return Batch{Partitions: all}
}

var (
	batchMembers = [][]byte{
		[]byte("records"), []byte("eventSource"), []byte("eventSourceArn"), []byte("bootstrapServers"),
	}
	recordMembers = [][]byte{
		[]byte("topic"), []byte("partition"), []byte("offset"), []byte("timestamp"), []byte("timestampType"),
		[]byte("key"), []byte("value"), []byte("headers"),
	}
)

// known returns the entry of names that equals name without regard to case, as encoding/json does, or nil.
func known(name []byte, names [][]byte) []byte {
	for _, n := range names {
		if bytes.EqualFold(n, name) {
			return n
		}
	}
	return nil
}

// member reads a member of the outermost object.
func (r *reader) member(name []byte) {
	switch string(name) {
	case "records":
		if r.null() {
			r.partitions = nil
			return
		}
		for more := r.begin('{', "records", "an object with the records of each partition"); more; more = r.more('{') {
			r.partition(string(r.name()))
		}
	case "eventSource", "eventSourceArn", "bootstrapServers":
		if !r.null() {
			r.string(string(name))
		}
	default:
		if n := known(name, batchMembers); n != nil {
			r.member(n)
			return
		}
		r.skip(1)
	}
}

func (r *reader) partition(name string) {
	p := span{name: name, start: len(r.records)}
	if !r.null() {
		for more := r.begin('[', "a partition", "an array of records"); more; more = r.more('[') {
			r.record()
			if r.err != nil && r.err.Record == "" {
				r.err.Record = fmt.Sprintf("record %d of %q", len(r.records)-p.start, name)
			}
		}
	}
	p.end = len(r.records)
	r.partitions = append(r.partitions, p)
}

// record reads one record. null is a record without members, as for encoding/json.
func (r *reader) record() {
	r.next()
	r.start = r.at
	r.records = append(r.records, Record{})
	if r.null() {
		return
	}
	to := &r.records[len(r.records)-1]
	for more := r.begin('{', "a record", "an object"); more; more = r.more('{') {
		r.recordMember(to, r.name())
	}
	if len(r.records) == 1 { // expects the others to be alike, and never takes more than the payload's own size at once
		r.records = slices.Grow(r.records, (len(r.text)-r.start)/max(r.at-r.start, int(unsafe.Sizeof(Record{}))))
	}
}

func (r *reader) recordMember(to *Record, name []byte) {
	switch string(name) {
	case "topic":
		if !r.null() {
			to.Topic = r.arena.topicOf(r.string("topic"))
		}
	case "partition":
		if !r.null() {
			at := r.at
			n := r.integer("partition")
			if to.Partition = int32(n); int64(to.Partition) != n {
				r.at = at
				r.fail("partition must be a whole number of 32 bits")
			}
		}
	case "offset":
		if !r.null() {
			to.Offset = r.integer("offset")
		}
	case "timestamp":
		ms := int64(0) // the value of null, as for events.KafkaRecord
		if !r.null() {
			ms = r.integer("timestamp")
		}
		to.Timestamp = time.UnixMilli(ms)
	case "timestampType":
		if !r.null() {
			r.string("timestampType")
		}
	case "key":
		to.key = nil
		if !r.null() {
			to.key = r.string("key")
		}
	case "value":
		to.value = nil
		if !r.null() {
			to.value = r.string("value")
		}
	case "headers":
		to.Headers = r.readHeaders()
	default:
		if n := known(name, recordMembers); n != nil {
			r.recordMember(to, n)
			return
		}
		r.skip(4) // depth: the payload, records, the partition, the record
	}
}
