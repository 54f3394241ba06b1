package api

import (
	"errors"
	"fmt"

	"github.com/gofiber/fiber/v2"

	"event-processing-service/internal/event"
)

// maxBatch is how many events a batch may hold.
const maxBatch = 1000

// postBatch publishes the valid events of a batch. A bad event does not hold up the others.
func (s *Server) postBatch(c *fiber.Ctx, body []byte, mine *turn) error {
	if err := mine.begin(); err != nil {
		return err
	}
	batch, err := event.ParseBatch(body, maxBatch)
	if errors.Is(err, event.ErrTooMany) {
		return newProblem(batchTooLarge, fmt.Sprintf("a batch holds at most %d events; send several", maxBatch))
	}
	if err != nil {
		return err
	}
	release, err := s.admitBatch(len(batch))
	if err != nil {
		return err
	}
	defer release()
	if err := s.takeBatch(c, len(batch)); err != nil {
		return err
	}
	valid := make([]event.Event, 0, len(batch))
	for i := range batch {
		if batch[i].Err == nil {
			batch[i].Err = s.check(c, &batch[i].Event, batchPlace(i))
		}
		if batch[i].Err == nil {
			valid = append(valid, batch[i].Event)
		}
	}
	mine.end() // waiting for Kafka needs no turn
	receipts := s.publish(c, valid)
	mine.resume()
	return s.answerBatch(c, batch, receipts)
}

// answerBatch says what became of each event. receipts are those of the valid events, in their order.
func (s *Server) answerBatch(c *fiber.Ctx, batch []event.Decoded, receipts []event.Receipt) error {
	answer := batchAnswer{Results: make([]batchResult, len(batch))}
	retryable, next, told := false, 0, 0
	for i := range batch {
		result := batchResult{Index: i, ID: batch[i].Event.ID, Status: fiber.StatusAccepted}
		err := batch[i].Err
		if err == nil {
			err = receipts[next].Err
			next++
		}
		if err != nil {
			p := problemOf(err)
			s.metrics.rejected.WithLabelValues(p.kind.Name).Inc()
			p.bound(mostFaults/10, longestText/4)
			if told += p.faultBytes(); told > longestFaults {
				p.Errors = nil
			}
			result.Problem, result.Status = &p.eventProblem, p.Status
			result.ID = event.Brief(result.ID)
			retryable = retryable || result.Problem.Retryable
			if e := &batch[i].Event; batch[i].Err != nil { // the publisher logs events that Kafka did not store
				s.log.DebugContext(c.UserContext(), "event refused", "event_type", event.Brief(e.Type),
					"event_id", result.ID, "event_source", event.Brief(e.Source), "problem", p.kind.Name, "error", p.Detail)
			}
			answer.Rejected++
		} else {
			answer.Accepted++
		}
		answer.Results[i] = result
	}
	if answer.Rejected == 0 {
		return send(c, fiber.StatusAccepted, "batch", &answer)
	}
	if answer.Accepted == 0 {
		return nothingStored(answer, retryable)
	}
	base := s.baseURL(c)
	for i := range answer.Results {
		answer.Results[i].Problem.locate(base)
	}
	return send(c, fiber.StatusMultiStatus, "batch", &answer)
}

// nothingStored is the answer for a batch of which no event was stored. It is not a 2xx, so that a client that looks
// only at the status does not take the batch for stored.
func nothingStored(answer batchAnswer, retryable bool) *problem {
	k := batchRefused
	if retryable {
		k = batchUnavailable
	}
	p := newProblem(k, k.Detail)
	p.Accepted, p.Rejected, p.Results = &answer.Accepted, &answer.Rejected, answer.Results
	return p
}
