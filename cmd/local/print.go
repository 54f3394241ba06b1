package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"event-processing-service/api"
	"event-processing-service/internal/event"
	"event-processing-service/internal/terminal"
)

// console tells a person what happens.
type console struct {
	out     io.Writer
	colored bool

	mu   sync.Mutex
	said map[string]complaint
}

// newConsole colours for people, not for files and pipes, nor where NO_COLOR says no (no-color.org).
func newConsole(out io.Writer) *console {
	c := &console{out: out, said: map[string]complaint{}}
	if f, ok := out.(*os.File); ok && os.Getenv("NO_COLOR") == "" {
		info, err := f.Stat()
		c.colored = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return c
}

// greet says what runs where, and gives lines to paste.
func (c *console) greet(addr net.Addr, env environment, page page, noPage, archive string) {
	kind := "brokers"
	switch {
	case env.data != "":
		kind = "embedded broker, kept in " + env.data
	case env.embedded:
		kind = "embedded broker, gone when this ends"
	}
	url, k := apiURL(addr), env.processor.Kafka
	shown := cmp.Or(noPage, "none, as --console-port 0 says")
	if page.isOpen() {
		shown = page.url()
	}
	fmt.Fprintf(c.out, `
event-processing-service is ready. Ctrl-C ends it.

  API        %[1]s, its documentation at %[1]s/docs
  Console    %[6]s
  Kafka      %[2]s (%[3]s), topics %[4]s and %[5]s
  Processor  in this process, behind a stand-in for the MSK event source mapping
  Archive    %[7]s

Try:

  curl %[1]s/hello
  curl '%[1]s/current_time?name=Ada'
  curl -H 'content-type: application/json' -d '{"type":"order.created","id":"order-1","data":{"n":1}}' %[1]s/v1/events
  curl %[1]s/v1/events/order-1
  curl %[1]s/v1/health
%[8]s
`, url, strings.Join(k.Brokers, ","), kind, env.processor.Topic(), env.processor.DeadLetterTopic, shown,
		cmp.Or(archive, "none, as the brokers are not this program's own; ARCHIVE_URL names a place for one"),
		auditLine(archive, url))
}

// auditLine shows the life of the event that the lines before it post.
func auditLine(archive, url string) string {
	if archive == "" {
		return ""
	}
	return fmt.Sprintf("  ARCHIVE_URL=%s go run ./cmd/eventctl audit order-1 --url %s\n", archive, url)
}

func apiURL(addr net.Addr) string {
	return fmt.Sprintf("http://localhost:%d", addr.(*net.TCPAddr).Port)
}

// pause is how long a line about trouble is not repeated: with Kafka away, every event has the same one.
const pause = 3 * time.Second

// complain says a line unless one of the same kind was said a moment ago; the next one tells how many were not.
func (c *console) complain(kind, what string, color int, text string) {
	c.mu.Lock()
	last := c.said[kind]
	if time.Since(last.at) < pause {
		last.unsaid++
		c.said[kind] = last
		c.mu.Unlock()
		return
	}
	if len(c.said) > 1000 { // kinds are of what handlers and clients say
		clear(c.said)
	}
	c.said[kind] = complaint{at: time.Now()}
	c.mu.Unlock()
	if last.unsaid > 0 {
		text += fmt.Sprintf("  (and %d more since)", last.unsaid)
	}
	c.say(what, color, "%s", text)
}

type complaint struct {
	at     time.Time
	unsaid int
}

func (c *console) say(what string, color int, format string, args ...any) {
	word := fmt.Sprintf("%-13s", what)
	if c.colored {
		word = fmt.Sprintf("\x1b[%dm%s\x1b[0m", color, word)
	}
	fmt.Fprintf(c.out, "%s  %s %s\n", time.Now().Format("15:04:05.000"), word, terminal.Line(fmt.Sprintf(format, args...)))
}

const (
	green  = 32
	yellow = 33
	red    = 31
	blue   = 34
	grey   = 90
)

// printingPublisher prints a line for each event that Kafka has or has not.
type printingPublisher struct {
	api.Publisher
	console *console
}

func (p printingPublisher) Publish(
	ctx context.Context, events []event.Event, transport ...event.Header,
) []event.Receipt {
	receipts := p.Publisher.Publish(ctx, events, transport...)
	for i, r := range receipts {
		if r.Err != nil {
			p.console.complain(r.Err.Error(), "refused", red, fmt.Sprintf("%s  id %s  %v", events[i].Type, events[i].ID, r.Err))
			continue
		}
		p.console.say("accepted", blue, "%s  id %s  as %s/%d@%d", events[i].Type, events[i].ID, r.Topic,
			r.Partition, r.Offset)
	}
	return receipts
}
