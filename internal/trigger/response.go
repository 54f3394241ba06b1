package trigger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

// failedRecords reads a partial batch response:
//
//	{"batchItemFailures":[{"itemIdentifier":{"partition":"events-0","offset":42}}]}
//
// It gives the records that are named, in the order of records. An answer that is empty in any way (no bytes, null, an
// empty object, list or string, no or a null batchItemFailures) names none. An answer that cannot be read, or that
// names a record which is not in the batch, is an error with all records failed: a function whose answer is wrong
// cannot be believed about the rest of it.
//
// Source: AWS Lambda Developer Guide, "Configuring error handling controls for Kafka event sources", partial batch
// response.
func failedRecords(response []byte, records []*kgo.Record) ([]*kgo.Record, error) {
	switch string(bytes.TrimSpace(response)) {
	case "", "null", "{}", "[]", `""`:
		return nil, nil
	}
	// Maps, not structs: encoding/json matches the fields of a struct in any case, and AWS does not.
	var answer map[string]json.RawMessage
	if err := json.Unmarshal(response, &answer); err != nil {
		return records, fmt.Errorf("read partial batch response: %w", err)
	}
	var failures []map[string]json.RawMessage
	if list, ok := answer["batchItemFailures"]; ok {
		if err := json.Unmarshal(list, &failures); err != nil {
			return records, fmt.Errorf("read batchItemFailures: %w", err)
		}
	}
	type identifier struct {
		partition string
		offset    int64
	}
	named := make(map[identifier]bool, len(failures))
	for i, f := range failures {
		var fields map[string]json.RawMessage
		var partition string
		var offset *int64 // a null offset is not offset 0
		err := errors.Join(
			json.Unmarshal(f["itemIdentifier"], &fields),
			json.Unmarshal(fields["partition"], &partition),
			json.Unmarshal(fields["offset"], &offset),
		)
		if err == nil && offset == nil {
			err = errors.New("offset is null")
		}
		if err != nil {
			return records, fmt.Errorf("read itemIdentifier of batchItemFailures[%d]: %w", i, err)
		}
		named[identifier{partition, *offset}] = true
	}
	var failed []*kgo.Record
	for _, r := range records {
		id := identifier{partitionKey(r), r.Offset}
		if named[id] {
			failed = append(failed, r)
			delete(named, id)
		}
	}
	for id := range named {
		return records, fmt.Errorf("partial batch response names %s offset %d, which is not in the batch",
			id.partition, id.offset)
	}
	return failed, nil
}
