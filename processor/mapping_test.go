package processor

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"event-processing-service/internal/event"
	"event-processing-service/internal/payload"
)

// mapping is a model of the event source mapping: it delivers the topic in batches, the next one after the previous
// one has succeeded. It delivers a failed batch again, as a whole or, in provisioned mode, as the response says.
type mapping struct {
	*world
	cfg       Config
	dice      *rand.Rand
	committed map[int32]int
}

// deliverAll runs until the whole topic is committed.
func (m *mapping) deliverAll() {
	for {
		batch := events.KafkaEvent{Records: map[string][]events.KafkaRecord{}}
		for partition := range int32(len(m.topic)) {
			records := m.topic[partition]
			from := m.committed[partition]
			to := min(len(records), from+m.dice.IntN(12))
			for _, r := range records[from:to] {
				batch.Records[name(partition)] = append(batch.Records[name(partition)], payloadRecord(r))
			}
			m.committed[partition] = to
		}
		if len(batch.Records) > 0 {
			m.deliver(batch)
			continue
		}
		done := true
		for partition, records := range m.topic {
			done = done && m.committed[partition] == len(records)
		}
		if done {
			return
		}
	}
}

func name(partition int32) string { return "events-" + strconv.Itoa(int(partition)) }

// deliver delivers the batch until it succeeds, and then checks that the success was justified.
func (m *mapping) deliver(batch events.KafkaEvent) {
	p := m.processor(m.cfg)
	var zombies sync.WaitGroup
	defer zombies.Wait()
	for pending, deliveries := batch, 0; len(pending.Records) > 0; deliveries++ {
		if deliveries == 500 {
			m.violated("a batch is not done after %d deliveries", deliveries)
			return
		}
		if m.dice.IntN(10) == 0 { // the process dies, and another one starts with the same store
			p = m.processor(m.cfg)
		}
		if m.dice.IntN(10) == 0 { // a consumer that does not know yet that it lost its partitions
			zombie, wait, copied := m.processor(m.cfg), time.Duration(m.dice.IntN(500))*time.Millisecond, pending
			zombies.Go(func() {
				time.Sleep(wait)
				m.invoke(zombie, copied, 2*time.Second)
			})
		}
		timeout := []time.Duration{100 * time.Millisecond, time.Second, 5 * time.Second, time.Minute}[m.dice.IntN(4)]
		response, err := m.invoke(p, pending, timeout)
		rest := m.checkAnswer(pending, response, err)
		if m.dice.IntN(10) > 0 { // otherwise the answer is lost
			pending = rest
		}
		time.Sleep(time.Duration(m.dice.IntN(100)) * time.Millisecond)
	}
	for _, records := range batch.Records {
		for _, r := range records {
			if id := identityOf(m.topic[int32(r.Partition)][r.Offset]); !m.ended(id) {
				m.violated("%d/%d is committed, but %s has no outcome", r.Partition, r.Offset, id.ID)
			}
		}
	}
}

func (m *mapping) invoke(p *Processor, batch events.KafkaEvent, timeout time.Duration) (payload.Response, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	start := time.Now()
	response, err := invoke(ctx, p, batch)
	if took := time.Since(start); took >= timeout {
		m.violated("the answer took %s of %s", took, timeout)
	}
	return response, err
}

// checkAnswer returns the records to deliver again, and checks that all others are finished.
func (m *mapping) checkAnswer(delivered events.KafkaEvent, response payload.Response, err error) events.KafkaEvent {
	if err != nil {
		if m.cfg.PartialBatchResponse {
			m.violated("an error in provisioned mode: %v", err)
		}
		return delivered
	}
	reported := map[payload.ItemIdentifier]bool{}
	for _, failure := range response.BatchItemFailures {
		reported[failure.ItemIdentifier] = true
	}
	rest := events.KafkaEvent{Records: map[string][]events.KafkaRecord{}}
	for partition, records := range delivered.Records {
		for _, r := range records {
			at := payload.ItemIdentifier{Partition: partition, Offset: r.Offset}
			if reported[at] {
				rest.Records[partition] = append(rest.Records[partition], r)
				delete(reported, at)
				continue
			}
			if id := identityOf(m.topic[int32(r.Partition)][r.Offset]); !m.ended(id) {
				m.violated("%s at %s/%d is not reported, and has no outcome", id.ID, partition, r.Offset)
			}
			if len(rest.Records[partition]) > 0 {
				m.violated("%s/%d is not reported, though a record ahead of it is", partition, r.Offset)
			}
		}
	}
	for at := range reported {
		m.violated("%+v is reported, but was not delivered", at)
	}
	return rest
}

// appendRecord appends a record to its partition.
func (w *world) appendRecord(r event.Record) {
	r.Topic, r.Offset = "events", int64(len(w.topic[r.Partition]))
	w.topic[r.Partition] = append(w.topic[r.Partition], r)
}
