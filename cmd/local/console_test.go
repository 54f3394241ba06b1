package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"event-processing-service/cmd/internal/programtest"
	"event-processing-service/internal/event"
)

// shown runs the service with its console, and gives the addresses that it prints.
func shown(t *testing.T, consolePort string) (console, api, says string) {
	t.Helper()
	args := []string{"--port", strconv.Itoa(freePort(t)), "--kafka-port", strconv.Itoa(freePort(t))}
	if consolePort != "" {
		args = append(args, "--console-port", consolePort)
	}
	env, err := readSettings(args,
		environmentOf("API_KEYS", `{"shop":"aVeryLongAndSecretKeyOfTheShop123"}`, "API_KEY",
			"aVeryLongAndSecretKeyOfTheShop123"), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if consolePort == "" {
		env.consolePort = taken(t)
	}
	printed := new(programtest.Output)
	inBackground(t, env, slog.New(slog.DiscardHandler), printed)
	eventually(t, "ready", func() bool { return strings.Contains(printed.String(), "is ready") })
	says = printed.String()
	console = regexp.MustCompile(`Console +(http://localhost:\d+)?`).FindStringSubmatch(says)[1]
	return console, regexp.MustCompile(`API +(http://localhost:\d+)`).FindStringSubmatch(says)[1], says
}

func taken(t *testing.T) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln.Addr().(*net.TCPAddr).Port
}

func TestTheConsoleTellsOfEachAttemptAsItHappens(t *testing.T) {
	console, _, _ := shown(t, "0")
	if console != "" {
		t.Fatalf("--console-port 0 serves one at %s", console)
	}
	console, api, _ := shown(t, strconv.Itoa(freePort(t)))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, console+"/api/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	for _, body := range []string{`{"type":"demo.order","id":"1","data":{"fault":"twice"}}`,
		`{"type":"order.placed","data":{}}`} {
		post, err := http.NewRequestWithContext(ctx, http.MethodPost, api+"/v1/events", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		post.Header.Set("Content-Type", "application/json")
		post.Header.Set("Authorization", "Bearer aVeryLongAndSecretKeyOfTheShop123")
		resp, err := http.DefaultClient.Do(post)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	told := new(strings.Builder)
	buffer := make([]byte, 64<<10)
	for _, part := range []string{
		`"state":"accepted","type":"demo.order","id":"1"`, `"state":"attempting","type":"demo.order","id":"1"`, `"attempt":1`,
		`"state":"retrying"`, `warehouse answers 503`, `"next_ms":`, `"attempt":2`, `"attempt":3`, `"state":"processed"`,
		`"state":"refused","type":"","id":""`, `schema-violation: `,
	} {
		for !strings.Contains(told.String(), part) {
			n, err := stream.Body.Read(buffer)
			if err != nil {
				t.Fatalf("it never tells of %s: %v\n%s", part, err, told)
			}
			told.Write(buffer[:n])
		}
	}
}

func TestTheConsoleShowsTheSettingsAndHidesTheSecrets(t *testing.T) {
	console, _, _ := shown(t, strconv.Itoa(freePort(t)))
	status, body := get(console + "/api/system")
	if status != http.StatusOK || strings.Contains(body, "aVeryLong") ||
		!regexp.MustCompile(`"name":"API_KEYS","value":"".*?"hidden":true`).MatchString(body) {
		t.Errorf("%d %s", status, body)
	}
	if !regexp.MustCompile(`"name":"KAFKA_BOOTSTRAP_SERVERS","value":"127.0.0.1:\d+"`).MatchString(body) {
		t.Errorf("the broker's address is not the one in use: %s", body)
	}
}

func TestAPortOfTheConsoleThatNobodyChoseIsGivenUpWhereItIsTaken(t *testing.T) {
	console, _, says := shown(t, "")
	if console != "" || !strings.Contains(says, "--console-port") {
		t.Errorf("it says %s", says)
	}
	if err := startConsole(t, taken(t)); err == nil || !strings.Contains(err.Error(), "--console-port") {
		t.Errorf("a port that was chosen and is taken: %v", err)
	}
}

func startConsole(t *testing.T, port int) error {
	t.Helper()
	env, err := readSettings([]string{"--console-port", fmt.Sprint(port), "--kafka-port", fmt.Sprint(freePort(t))},
		environmentOf(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return run(t.Context(), env, slog.New(slog.DiscardHandler), io.Discard)
}

// Other systems that write to the topic may have headers of these names.
func TestTheConsoleAndTheProcessorTakeTheSameRecordsForReplays(t *testing.T) {
	console, _, says := shown(t, strconv.Itoa(freePort(t)))
	kafkaPort, err := strconv.Atoi(regexp.MustCompile(`Kafka +127\.0\.0\.1:(\d+)`).FindStringSubmatch(says)[1])
	if err != nil {
		t.Fatal(err)
	}
	header := func(key, value string) event.Header { return event.Header{Key: key, Value: []byte(value)} }
	stray := []event.Header{header("dlq-hops", "1"), header("dlq-processor", "billing")}
	replay := []event.Header{header("dlq-hops", "1"), header("dlq-original-topic", "events"),
		header("dlq-original-partition", "0"), header("dlq-original-offset", "0"), header("dlq-original-timestamp", "0")}
	for id, more := range map[string][]event.Header{"accepted": stray, "replayed": replay} {
		at, err := topicOf(t, kafkaPort, "events").Publish(t.Context(), event.Record{Headers: append(more,
			header("ce_specversion", "1.0"), header("ce_id", id), header("ce_source", "/s"), header("ce_type", "t"))})
		if err != nil {
			t.Fatal(err)
		}
		url := fmt.Sprintf("%s/api/event?topic=events&partition=%d&offset=%d", console, at.Partition, at.Offset)
		var body string
		eventually(t, "processed: "+id, func() bool {
			_, body = get(url)
			return strings.Contains(body, `"outcome":{"status":"processed"`)
		})
		if !strings.Contains(body, `"state":"`+id+`"`) {
			t.Errorf("the page does not show it as %s: %s", id, body)
		}
	}
}
