package processor

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"event-processing-service/internal/payload"
)

// Function makes of Handle, or of what is wrapped around it, the function that Lambda invokes: a lambda.Handler. Whoever has
// a payload calls Invoke, on a laptop as in the cloud.
type Function func(ctx context.Context, in *payload.Batch) (Response, error)

// Invoke reads the payload, processes its records, and writes the response. The error of a payload that is no batch of
// Kafka records is a *payload.FormatError, of which no record was begun. Nothing keeps a part of the payload when Invoke has
// returned: not even a handler that was left behind.
func (f Function) Invoke(ctx context.Context, text []byte) ([]byte, error) {
	in, err := payload.Parse(text)
	if err != nil {
		return nil, err // as it is: its type is what Lambda shows as the error's
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
