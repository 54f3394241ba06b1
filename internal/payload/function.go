package payload

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
)

// Response tells the event source mapping which records to deliver again (AWS Lambda Developer Guide, "Configuring
// error handling controls for Kafka event sources"). Without failures the whole batch has succeeded. It is read only
// where the mapping reports batch item failures.
type Response struct {
	BatchItemFailures []BatchItemFailure `json:"batchItemFailures"` // never nil: an empty array says success
}

// BatchItemFailure names one record.
type BatchItemFailure struct {
	ItemIdentifier ItemIdentifier `json:"itemIdentifier"`
}

// ItemIdentifier is where the record lies.
type ItemIdentifier struct {
	Partition string `json:"partition"` // "<topic>-<partition number>", the key under which the record came
	Offset    int64  `json:"offset"`
}

// Function processes the records of one invocation. It is a lambda.Handler: a program that has a payload calls Invoke,
// on a laptop as in the cloud.
type Function func(ctx context.Context, in *Batch) (Response, error)

// Invoke reads the payload, processes its records, and writes the response. A payload that is not a batch of Kafka
// records gives a *FormatError, and the function is not called. Nothing keeps a part of the payload after Invoke has
// returned: not even a handler that was left behind.
func (f Function) Invoke(ctx context.Context, text []byte) ([]byte, error) {
	in, err := Parse(text)
	if err != nil {
		return nil, err // as it is: Lambda shows its type as the error's
	}
	response, err := f(ctx, &in)
	if err != nil {
		return nil, err
	}
	var answer bytes.Buffer
	encoder := json.NewEncoder(&answer)
	encoder.SetEscapeHTML(false) // a partition's name comes back as it came
	if err := encoder.Encode(response); err != nil {
		return nil, fmt.Errorf("write response: %w", err)
	}
	return bytes.TrimSuffix(answer.Bytes(), []byte("\n")), nil
}
