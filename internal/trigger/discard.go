package trigger

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Why a record was discarded, in the words of the on-failure destinations of AWS. Its page about Kafka topics shows
// only the first, that about queues and buckets the last; the one for the age is that of Lambda's other streams.
const (
	conditionRetries = "RetriesExhausted"
	conditionAge     = "RecordAgeExceeded"
	conditionSize    = "MaximumPayloadSizeExceeded"
)

// discarded is the JSON that an on-failure destination gets of one record.
//
// Source: AWS Lambda Developer Guide, "Using a Kafka topic as an on-failure destination", record format.
type discarded struct {
	RequestContext  requestContext   `json:"requestContext"`
	ResponseContext *responseContext `json:"responseContext"` // null where there was no invocation
	Version         string           `json:"version"`
	Timestamp       string           `json:"timestamp"`
	KafkaBatchInfo  kafkaBatchInfo   `json:"KafkaBatchInfo"`
	Payload         json.RawMessage  `json:"payload"` // the event with this record alone
}

type requestContext struct {
	RequestID              string `json:"requestId"`
	FunctionARN            string `json:"functionArn"`
	Condition              string `json:"condition"`
	ApproximateInvokeCount int    `json:"approximateInvokeCount"`
}

type responseContext struct {
	StatusCode      int    `json:"statusCode"`
	ExecutedVersion string `json:"executedVersion"`
	FunctionError   string `json:"functionError,omitempty"`
}

type kafkaBatchInfo struct {
	BatchSize        int        `json:"batchSize"`
	EventSourceARN   string     `json:"eventSourceArn"`
	BootstrapServers string     `json:"bootstrapServers"`
	PayloadSize      int        `json:"payloadSize"`
	RecordInfo       recordInfo `json:"recordInfo"`
}

type recordInfo struct {
	Offset    string `json:"offset"`
	Timestamp string `json:"timestamp"`
}

const discardTime = "2006-01-02T15:04:05.000Z"

// discard hands the records of a job to the on-failure destination. Only then they are done: as long as the
// destination refuses one, it is tried again. It reports false if the partition is to be given up first.
func (c *consumer) discard(claim *claim, j job, condition string, out *outcome) bool {
	for _, r := range j.records {
		for tries := 0; ; tries++ {
			err := c.writeDiscarded(r, j.invoked, condition, out)
			if err == nil {
				break
			}
			c.log.Error("cannot hand a record to the on-failure destination, trying again",
				"partition", r.Partition, "offset", r.Offset, "error", err)
			if !pause(claim.ctx, c.backoff(tries)) {
				return false
			}
		}
		attributes := []any{"partition", r.Partition, "offset", r.Offset, "condition", condition, "invoked", j.invoked}
		if out != nil && out.err != nil {
			attributes = append(attributes, "error", out.err)
		}
		c.log.Error("record discarded", attributes...)
	}
	return true
}

func (c *consumer) writeDiscarded(r *kgo.Record, invoked int, condition string, out *outcome) error {
	destination := c.cfg.Provisioned.OnFailure
	if destination == nil {
		return nil
	}
	payload := c.cfg.Source.AppendPayload(nil, []*kgo.Record{r})
	d := discarded{
		RequestContext: requestContext{
			RequestID: uuid.NewString(), FunctionARN: c.cfg.Function.ARN, Condition: condition,
			ApproximateInvokeCount: invoked,
		},
		Version: "1.0", Timestamp: time.Now().UTC().Format(discardTime),
		KafkaBatchInfo: kafkaBatchInfo{
			BatchSize: 1, EventSourceARN: c.cfg.Source.EventSourceARN, BootstrapServers: c.cfg.Source.BootstrapServers,
			PayloadSize: len(payload),
			RecordInfo:  recordInfo{strconv.FormatInt(r.Offset, 10), r.Timestamp.UTC().Format(discardTime)},
		},
		Payload: payload,
	}
	if out != nil {
		d.RequestContext.RequestID = out.requestID
	}
	if condition == conditionRetries {
		d.ResponseContext = &responseContext{StatusCode: 200, ExecutedVersion: "$LATEST"}
		if !out.partial() {
			d.ResponseContext.FunctionError = "Unhandled"
		}
	}
	line, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("encode discarded record: %w", err)
	}
	// One write for the line, one writer at a time: partitions discard side by side.
	c.onFailure.Lock()
	defer c.onFailure.Unlock()
	if _, err := destination.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("write to on-failure destination: %w", err)
	}
	return nil
}

// splitByAge sorts out the records that MaximumRecordAge keeps from the function.
func (p *Provisioned) splitByAge(records []*kgo.Record, now time.Time) (live, expired []*kgo.Record) {
	if p == nil || p.MaximumRecordAge <= 0 {
		return records, nil
	}
	for _, r := range records {
		if now.Sub(r.Timestamp) > p.MaximumRecordAge {
			expired = append(expired, r)
		} else {
			live = append(live, r)
		}
	}
	return live, expired
}
