package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"event-processing-service/cmd/internal/programtest"
)

// runtimeAPI is Lambda's: it gives a function one event, and tells what it answers.
func runtimeAPI(t *testing.T, event string) (address string, answered <-chan string) {
	t.Helper()
	answers, invoked := make(chan string, 1), false
	lambda := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch {
		case r.Method == http.MethodPost:
			answers <- r.URL.Path + " " + string(body)
			w.WriteHeader(http.StatusAccepted)
		case invoked:
			<-r.Context().Done() // there is no second event
		default:
			invoked = true
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "1")
			w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(time.Minute).UnixMilli(), 10))
			fmt.Fprint(w, event)
		}
	}))
	t.Cleanup(lambda.Close)
	return strings.TrimPrefix(lambda.URL, "http://"), answers
}

// Lambda tells a function its handler, and nothing else tells what it is.
func TestTheBinaryIsWhatItsHandlerSays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bootstrap")
	if log, err := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("build the function: %v\n%s", err, log)
	}
	service := httptest.NewServer(&cloud{accepts: func(key string) bool { return key == "" }})
	defer service.Close()
	for handler, tc := range map[string]struct {
		event, answer, says string
		env                 []string
	}{
		"canary": {`{"source":"aws.events"}`, "/response null", `"CanaryFailed":0`, []string{"CANARY_URL=" + service.URL,
			"AWS_LAMBDA_FUNCTION_NAME=n-canary"}},
		"rotation": {`{"Step":"createSecret","SecretId":"arn:other","ClientRequestToken":"t"}`,
			"secret arn:other is of no client whose key is rotated", "", []string{`ROTATION_CLIENTS={"shop":"arn:shop"}`,
				"ROTATION_KEYS_SECRET=n/api-keys", "ROTATION_URL=" + service.URL, "AWS_REGION=us-east-1"}},
	} {
		address, answered := runtimeAPI(t, tc.event)
		var out programtest.Output
		function := exec.Command(path)
		function.Env = append(append(os.Environ(), "_HANDLER="+handler, "AWS_LAMBDA_RUNTIME_API="+address), tc.env...)
		function.Stdout, function.Stderr = &out, &out
		if err := function.Start(); err != nil {
			t.Fatal(err)
		}
		answer := "nothing"
		select {
		case answer = <-answered:
		case <-time.After(20 * time.Second):
		}
		_ = function.Process.Kill()
		_ = function.Wait() // until all that it wrote is here
		if !strings.Contains(answer, tc.answer) || !strings.Contains(out.String(), tc.says) {
			t.Errorf("%s: it answers %s, and says %s", handler, answer, out.String())
		}
	}
}

func TestTheAPIKnowsAKeyThatItDoesNotRefuse(t *testing.T) {
	for status, want := range map[int]bool{http.StatusNotFound: true, http.StatusOK: true, http.StatusUnauthorized: false,
		http.StatusServiceUnavailable: false, http.StatusForbidden: false} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer the-key" {
				t.Error("it is asked without the key")
			}
			w.WriteHeader(status)
		}))
		if known, err := knows(t.Context(), server.URL, "the-key"); known != want || (err == nil) != want {
			t.Errorf("of %d: %v, %v", status, known, err)
		}
		server.Close()
	}
}
