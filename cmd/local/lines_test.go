package main

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"event-processing-service/internal/telemetry"
	"event-processing-service/processor"
)

// watched runs the program and returns what its terminal and its log show.
func watched(t *testing.T, kafkaPort int, pairs ...string) (url string, terminal, log *output) {
	t.Helper()
	env, err := readSettings([]string{"--port", strconv.Itoa(freePort(t)), "--kafka-port", strconv.Itoa(kafkaPort),
		"--console-port", "0"},
		environmentOf(pairs...), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	terminal, log = &output{}, &output{}
	inBackground(t, env, telemetry.NewLogger(log, env.api.LogLevel), terminal)
	url = "http://127.0.0.1:" + strconv.Itoa(env.api.Port)
	eventually(t, "ready", func() bool { status, _ := get(url + "/health/ready"); return status == http.StatusOK })
	return url, terminal, log
}

func (o *output) awaits(t *testing.T, pattern string) {
	t.Helper()
	line := regexp.MustCompile(pattern)
	eventually(t, "told: "+pattern+"\n"+o.String(), func() bool { return line.MatchString(o.String()) })
}

func TestTheTerminalTellsWhatBecomesOfEvents(t *testing.T) {
	kafkaPort := freePort(t)
	url, terminal, log := watched(t, kafkaPort)
	post := func(body string) {
		t.Helper()
		resp, err := http.Post(url+"/v1/events", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	post(`{"type":"shop.opened","id":"one"}`)
	terminal.awaits(t, `(?m)accepted +shop\.opened  id one  as events/`)
	terminal.awaits(t, `(?m)processed +shop\.opened  id one  at the first attempt$`)
	post(`{"type":"shop.opened","id":"one"}`)
	terminal.awaits(t, `copy dropped +shop\.opened  id one`)
	post(`{"id":"none"}`)
	terminal.awaits(t, `refused +invalid-event`)
	resp, err := http.Post(url+"/v1/events", "application/cloudevents-batch+json", strings.NewReader(`[
		{"specversion":"1.0","type":"shop.opened","source":"/s","id":"good"},
		{"specversion":"1.0","type":"order.placed","source":"/s","id":"bad","data":{}},
		{"specversion":"0.3","type":"shop.opened","source":"/s","id":"old"}]`))
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body.Close(); resp.StatusCode != http.StatusMultiStatus {
		t.Errorf("the batch is answered with %s", resp.Status)
	}
	terminal.awaits(t, `refused +order\.placed  id bad  schema-violation`)
	terminal.awaits(t, `refused +id old  invalid-event`)
	fail(t, kafkaPort, "events")
	terminal.awaits(t, `dead-lettered +record events/\d@\d+  .*`)
	letter := recordsOf(t, kafkaPort, "events.dlq")[0]
	again, _ := processor.Replay(&letter)
	if _, err := topicOf(t, kafkaPort, "events").Publish(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	terminal.awaits(t, `dead-lettered +record events/\d@\d+  replay 1  `)
	if log.String() != "" {
		t.Errorf("the log says it, too: %s", log)
	}
}

func TestFailedAttemptsAreALineEachAndTheirStackIsInTheLogOnRequest(t *testing.T) {
	for _, logged := range []bool{false, true} {
		terminal, log := &output{}, &output{}
		l := slog.New(eventLines{
			console: newConsole(terminal), next: telemetry.NewLogger(log, slog.LevelWarn).Handler(), logged: logged,
		})
		l.Warn("attempt failed", "event_type", "t", "event_id", "1", "attempts", 2, "error", "panic: boom\ngoroutine 7",
			"stack", "main.go:1")
		l.Info("request")
		if got := terminal.String(); strings.Count(got, "\n") != 1 ||
			!strings.Contains(got, "t  id 1  attempt 2: panic: boom\n") {
			t.Errorf("the terminal shows %q", got)
		}
		if got := strings.Contains(log.String(), "main.go:1"); got != logged {
			t.Errorf("LOG_LEVEL set %v: the log is %q", logged, log)
		}
		if strings.Contains(log.String(), "request") {
			t.Error("a line below the level is logged")
		}
	}
}

func TestTheSameTroubleIsNotToldForEachEvent(t *testing.T) {
	out := &output{}
	p := newConsole(out)
	err := errors.New("Kafka can't be reached")
	for range 500 {
		p.complain(err.Error(), "refused", red, err.Error())
	}
	p.complain("other", "refused", red, "other")
	if n := strings.Count(out.String(), "\n"); n != 2 {
		t.Errorf("%d lines:\n%s", n, out)
	}
}
