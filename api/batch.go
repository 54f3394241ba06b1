package api

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"event-processing-service/internal/event"
)

// postBatch publishes what is valid of a batch. One bad event holds up none of the others.
func (s *Server) postBatch(c *fiber.Ctx, body []byte) error {
	release, err := s.admitBatch()
	if err != nil {
		return err
	}
	defer release()
	batch, err := event.ParseBatch(body, s.cfg.MaxBatch)
	if errors.Is(err, event.ErrTooMany) {
		return newProblem(batchTooLarge, fmt.Sprintf("a batch holds at most %d events; send several", s.cfg.MaxBatch))
	}
	if err != nil {
		return err
	}
	if err := s.takeBatch(c, len(batch)); err != nil {
		return err
	}
	valid := make([]event.Event, 0, len(batch))
	for i := range batch {
		if batch[i].Err == nil {
			batch[i].Err = s.checkSchema(c, &batch[i].Event, "/"+strconv.Itoa(i)+"/data", "")
		}
		if batch[i].Err == nil {
			valid = append(valid, batch[i].Event)
		} else {
			s.rejected(batch[i].Err)
		}
	}
	return s.answerBatch(c, batch, s.publish(c, valid))
}

// answerBatch says what became of each event: of those that are valid, in their order, the receipts.
func (s *Server) answerBatch(c *fiber.Ctx, batch []event.Decoded, receipts []event.Receipt) error {
	answer := batchAnswer{Results: make([]batchResult, len(batch))}
	retryable, next := false, 0
	for i := range batch {
		result := batchResult{Index: i, ID: batch[i].Event.ID, Status: fiber.StatusAccepted}
		err := batch[i].Err
		if err == nil {
			err = receipts[next].Err
			next++
		}
		if err != nil {
			result.Problem = &problemOf(err).eventProblem
			result.Status = result.Problem.Status
			retryable = retryable || result.Problem.Retryable
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

// nothingStored is the answer for a batch of which nothing was stored: no 2xx, so that a client that looks at the status
// alone does not take it for done.
func nothingStored(answer batchAnswer, retryable bool) *problem {
	k := batchRefused
	if retryable {
		k = batchUnavailable
	}
	p := newProblem(k, k.Detail)
	p.Accepted, p.Rejected, p.Results = &answer.Accepted, &answer.Rejected, answer.Results
	return p
}
