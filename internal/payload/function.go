package payload

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
)

// Response tells the event source mapping which records to deliver again (AWS Lambda Developer Guide, "Configuring
// error handling controls for Kafka event sources"). Without failures the whole batch has succeeded. The mapping reads
// it only if it is set to report batch item failures.
type Response struct {
	BatchItemFailures []BatchItemFailure `json:"batchItemFailures"` // never nil: an empty array means success
}

// BatchItemFailure names one record.
type BatchItemFailure struct {
	ItemIdentifier ItemIdentifier `json:"itemIdentifier"`
}

// ItemIdentifier is the record's place.
type ItemIdentifier struct {
	Partition string `json:"partition"` // "<topic>-<partition number>", the payload's key of the record
	Offset    int64  `json:"offset"`
}

// Function processes the records of one invocation. It is a lambda.Handler, on a laptop as in AWS: its caller has the
// payload and calls Invoke.
type Function func(ctx context.Context, in *Batch) (Response, error)

// Invoke reads the payload, processes its records, and writes the response. If the payload is not a batch of Kafka
// records it returns a *FormatError and does not call the function. After it returns, nothing refers to the payload,
// not even a handler that still runs.
func (f Function) Invoke(ctx context.Context, text []byte) ([]byte, error) {
	in, err := Parse(text)
	if err != nil {
		return nil, err // not wrapped: Lambda shows its type as the error's type
	}
	response, err := f(ctx, &in)
	if err != nil {
		return nil, err
	}
	var answer bytes.Buffer
	encoder := json.NewEncoder(&answer)
	encoder.SetEscapeHTML(false) // the mapping compares the partition's name with its own
	if err := encoder.Encode(response); err != nil {
		return nil, fmt.Errorf("write response: %w", err)
	}
	return bytes.TrimSuffix(answer.Bytes(), []byte("\n")), nil
}
