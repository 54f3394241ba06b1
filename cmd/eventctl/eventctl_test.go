package main

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"event-processing-service/internal/settings"
)

// run is eventctl with these arguments and this standard input.
func run(t *testing.T, stdin string, args ...string) (string, error) {
	t.Helper()
	out, _, err := runAndListen(t, stdin, args...)
	return out, err
}

// runAndListen runs the tool and gives what it says on standard error, too.
func runAndListen(t *testing.T, stdin string, args ...string) (out, said string, err error) {
	t.Helper()
	cmd, stdout, stderr := root(), &bytes.Buffer{}, &bytes.Buffer{}
	cmd.SetArgs(args)
	cmd.SetIn(strings.NewReader(stdin))
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	err = execute(t.Context(), cmd)
	return stdout.String(), stderr.String(), err
}

// posted is what a stand-in for the API was asked for.
type posted struct{ contentType, authorization, body string }

// standIn answers a post with status and body, and each question for an outcome with what ask says.
func standIn(t *testing.T, status int, body string, ask func(path string) (int, string)) (url string, got *posted) {
	t.Helper()
	got = &posted{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			read, err := io.ReadAll(r.Body)
			if err != nil {
				t.Errorf("read the post: %v", err)
			}
			*got = posted{r.Header.Get("Content-Type"), r.Header.Get("Authorization"), string(read)}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
			return
		}
		code, answer := ask(r.URL.RequestURI())
		w.WriteHeader(code)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	return server.URL, got
}

func TestSendPostsAnEventFromFlagsAndPrintsTheAnswer(t *testing.T) {
	url, got := standIn(t, 202, `{"id":"1"}`, nil)
	out, err := run(t, "", "send", "--url", url, "--type", "t", "--subject", "s", "--data", `{"n":1}`, "--api-key", "k")
	if err != nil || out != "{\"id\":\"1\"}\n" {
		t.Errorf("printed %q (%v)", out, err)
	}
	if *got != (posted{"application/json", "Bearer k", `{"data":{"n":1},"subject":"s","type":"t"}`}) {
		t.Errorf("posted %+v", *got)
	}
}

func TestSendTakesAnArrayFromStandardInputForABatch(t *testing.T) {
	url, got := standIn(t, 202, `{"results":[{"index":0,"status":202}]}`, nil)
	if _, err := run(t, " [ ]", "send", "--url", url, "--file", "-"); err != nil || got.body != "" {
		t.Fatalf("an empty one is posted as %q, %v", got.body, err)
	}
	event := `{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"n": 1.0}}`
	if _, err := run(t, " [ "+event+" ]", "send", "--url", url, "--file", "-"); err != nil {
		t.Fatal(err)
	}
	if got.contentType != "application/cloudevents-batch+json" ||
		got.body != `[{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"n":1.0}}]` {
		t.Errorf("posted %+v", *got)
	}
}

func TestSendWaitsForEachAcceptedEventOfABatch(t *testing.T) {
	asked := map[string]int{}
	url, _ := standIn(t, 207, `{"results":[{"index":0,"status":202},{"index":1,"status":400},{"index":2,"status":202}]}`,
		func(path string) (int, string) {
			asked[path]++
			if asked[path] < 2 {
				return 404, "{}"
			}
			return 200, `{"status":"processed"}`
		})
	if _, err := run(t, `[{"id":"a/1","source":"/s"},{"id":"b"},{"id":"c","source":"/s"}]`, "send", "--url", url, "--file",
		"-", "--wait", "10s"); err == nil || err.Error() != "1 of 3 events were refused" {
		t.Fatal(err)
	}
	if len(asked) != 2 || asked["/v1/events/a%2F1?source=%2Fs"] != 2 || asked["/v1/events/c?source=%2Fs"] != 2 {
		t.Errorf("asked for %v", asked)
	}
}

func TestSendFailsWhereTheEventIsRefusedDeadLetteredOrNeverDone(t *testing.T) {
	url, _ := standIn(t, 400, `{"title":"Bad Request"}`, nil)
	if _, err := run(t, "", "send", "--url", url, "--type", "t"); err == nil || !strings.Contains(err.Error(), "400") {
		t.Errorf("a refusal ends with %v", err)
	}
	url, _ = standIn(t, 202, `{"id":"1","source":"/s"}`,
		func(string) (int, string) { return 200, `{"status":"dead-lettered"}` })
	if _, err := run(t, "", "send", "--url", url, "--type", "t", "--wait", "10s"); err == nil ||
		!strings.Contains(err.Error(), "dead-lettered") {
		t.Errorf("a dead letter ends with %v", err)
	}
	url, _ = standIn(t, 202, `{"id":"1","source":"/s"}`, func(string) (int, string) { return 404, `{}` })
	if _, err := run(t, "", "send", "--url", url, "--type", "t", "--wait", "300ms"); err == nil ||
		!strings.Contains(err.Error(), "no outcome") {
		t.Errorf("an event that is never done ends with %v", err)
	}
}

func TestWrongUseAndAWrongEnvironmentAreUsageErrors(t *testing.T) {
	for _, args := range []string{
		"shw", "dlq shw", "topics lst", "dlq list now", "topics list now", "invoke", "invoke a b", "serve now", "status now",
		"send --nonsense", "send", "send --type t --file f", "send --type t --data {", "replay", "dlq replay --rate fast",
	} {
		if _, err := run(t, "", strings.Fields(args)...); !errors.Is(err, errUsage) {
			t.Errorf("eventctl %s ends with %v", args, err)
		}
	}
	if _, err := run(t, "", "dlq", "shw"); err == nil || !strings.Contains(err.Error(), "show") {
		t.Errorf("a mistyped command is not told what it is like: %v", err)
	}
	t.Setenv("MAX_ATTEMPTS", "many")
	t.Setenv("KAFKA_AUTH", "kerberos")
	_, err := run(t, "", "topics", "list")
	if !errors.Is(err, settings.ErrEnvironment) || !strings.Contains(err.Error(), "MAX_ATTEMPTS") ||
		!strings.Contains(err.Error(), "KAFKA_AUTH") {
		t.Errorf("a wrong environment ends with %v", err)
	}
}

func TestHelpAndVersionDoNothingElse(t *testing.T) {
	t.Setenv("PORT", "nonsense") // or a server that starts would say so
	for _, argv := range [][]string{
		{"eventctl", "--help"}, {"eventctl", "dlq"}, {"eventctl", "serve", "--help"}, {"/api", "--help"},
		{"api.exe", "--version"},
		{"eventctl", "--version"}, {"eventctl", "serve", "--version"}, {"/api", "healthcheck", "--help"},
	} {
		if out, err := run(t, "", arguments(argv)...); err != nil || out == "" {
			t.Errorf("%v prints %q and ends with %v", argv, out, err)
		}
	}
}

func TestUnderItsOldNameTheBinaryServesTheAPI(t *testing.T) {
	t.Setenv("PORT", "nonsense")
	for _, argv := range [][]string{{"/api"}, {"/api", "healthcheck"}, {"eventctl", "serve"},
		{"eventctl", "healthcheck"}} {
		if _, err := run(t, "", arguments(argv)...); !errors.Is(err, settings.ErrEnvironment) ||
			!strings.Contains(err.Error(), "PORT") {
			t.Errorf("%v ends with %v", argv, err)
		}
	}
}

// bootstrap builds the function, with handlers of the tests.
func bootstrap(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bootstrap")
	if log, err := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", path,
		"../internal/poisonprocessor").CombinedOutput(); err != nil {
		t.Fatalf("build the function: %v\n%s", err, log)
	}
	return path
}

func TestInvokeTakesRealAndHandWrittenPayloadsInProcessAndThroughTheRuntimeAPI(t *testing.T) {
	binary := bootstrap(t)
	for _, file := range []string{"testdata/msk-event.json", "testdata/hand-written-event.json"} {
		for _, how := range [][]string{{}, {"--bootstrap", binary}} {
			out, err := run(t, "", append([]string{"invoke", file}, how...)...)
			if err != nil || out != "{\"batchItemFailures\":[]}\n" {
				t.Errorf("invoke %s %v prints %q (%v)", file, how, out, err)
			}
		}
	}
}

func TestInvokeSaysWhatIsWrongWithAPayload(t *testing.T) {
	if _, err := run(t, "{", "invoke", "-"); err == nil || !strings.Contains(err.Error(), "invoke the function") {
		t.Errorf("half a payload ends with %v", err)
	}
	if _, err := run(t, "", "invoke", filepath.Join(t.TempDir(), "none.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file ends with %v", err)
	}
}

func TestProvenanceTellsWhatTheAPIKnowsOfItsBuild(t *testing.T) {
	url, _ := standIn(t, 0, "",
		func(string) (int, string) { return 200, `{"status":"healthy","version":"v1","image":"sha256:abc"}` })
	if out, err := run(t, "", "provenance", url); err != nil ||
		out != "version  v1\ncommit   unknown\nimage    sha256:abc\n" {
		t.Errorf("printed %q (%v)", out, err)
	}
	ill, _ := standIn(t, 0, "", func(string) (int, string) { return 503, `{"status":"unhealthy","version":"v1"}` })
	if out, err := run(t, "", "provenance", ill); err != nil || !strings.Contains(out, "v1") {
		t.Errorf("of an unhealthy API printed %q (%v)", out, err)
	}
	if out, err := run(t, "", "provenance", url, "-o", "json"); err != nil ||
		out != `{"version":"v1","image":"sha256:abc"}`+"\n" {
		t.Errorf("printed %q (%v)", out, err)
	}
}
