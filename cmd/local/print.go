package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"event-processing-service/api"
	"event-processing-service/internal/event"
	"event-processing-service/internal/wiring"
)

// greet says what runs where, and gives lines to paste.
func greet(addr net.Addr, brokers []string, embedded bool) {
	kind := "brokers"
	if embedded {
		kind = "embedded broker, gone when this ends"
	}
	url := fmt.Sprintf("http://localhost:%d", addr.(*net.TCPAddr).Port)
	fmt.Printf(`
event-processing-service is ready. Ctrl-C ends it.

  API        %[1]s
  Kafka      %[2]s (%[3]s), topics events and %[4]s
  Processor  in this process, behind a stand-in for the MSK event source mapping

Try:

  curl %[1]s/hello
  curl '%[1]s/current_time?name=Ada'
  curl -H 'content-type: application/json' -d '{"type":"order.created","id":"order-1","data":{"n":1}}' %[1]s/v1/events
  curl %[1]s/v1/events/order-1
  curl %[1]s/v1/health

`, url, strings.Join(brokers, ","), kind, deadLetterTopic)
}

func say(what string, color int, format string, args ...any) {
	word := fmt.Sprintf("%-13s", what)
	if colored {
		word = fmt.Sprintf("\x1b[%dm%s\x1b[0m", color, word)
	}
	fmt.Printf("%s  %s %s\n", time.Now().Format("15:04:05.000"), word, fmt.Sprintf(format, args...))
}

// colored: for people, not for files and pipes, nor where NO_COLOR says no (no-color.org).
var colored = func() bool {
	info, err := os.Stdout.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("NO_COLOR") == ""
}()

const (
	green = 32
	red   = 31
	blue  = 34
)

// printingPublisher prints a line for each event that Kafka has or has not.
type printingPublisher struct{ api.Publisher }

func (p printingPublisher) Publish(ctx context.Context, events []event.Event, transport ...event.Header) []event.Receipt {
	receipts := p.Publisher.Publish(ctx, events, transport...)
	for i, r := range receipts {
		if r.Err != nil {
			say("refused", red, "%s  id %s  %v", events[i].Type, events[i].ID, r.Err)
			continue
		}
		say("accepted", blue, "%s  id %s  as %s/%d@%d", events[i].Type, events[i].ID, r.Topic, r.Partition, r.Offset)
	}
	return receipts
}

// printingStore prints a line for each event that the processor is done with.
type printingStore struct{ wiring.Store }

func (s printingStore) Finish(ctx context.Context, c event.Claim, o event.Outcome) (event.Claim, error) {
	claim, err := s.Store.Finish(ctx, c, o)
	if err == nil && claim.State == event.ClaimGranted && o.Status != event.StatusUnfinished {
		color, reason := green, ""
		if o.Status == event.StatusDeadLettered {
			color, reason = red, "  "+o.Reason
		}
		say(string(o.Status), color, "%s  id %s  %s%s", o.Type, o.Identity.ID, attempts(o.Attempts), reason)
	}
	return claim, err
}

func attempts(n int) string {
	if n == 1 {
		return "at the first attempt"
	}
	return fmt.Sprintf("after %d attempts", n)
}
