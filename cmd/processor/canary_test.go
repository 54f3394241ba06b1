package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"event-processing-service/internal/secrets"
)

// cloud is the API and Secrets Manager, with one secret, which has no value at first.
type cloud struct {
	mu           sync.Mutex
	stored       string
	accepts      func(key string) bool
	stores, gets int
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch key, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); {
	case r.Header.Get("X-Amz-Target") == "secretsmanager.GetSecretValue":
		c.gets++
		if c.stored == "" {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"__type":"ResourceNotFoundException","Message":"can't find the value AWSCURRENT"}`)
			return
		}
		fmt.Fprintf(w, `{"SecretString":%q,"VersionId":"v1"}`, c.stored)
	case r.Header.Get("X-Amz-Target") == "secretsmanager.PutSecretValue":
		var in struct{ SecretString string }
		_ = json.NewDecoder(r.Body).Decode(&in)
		c.stored, c.stores = in.SecretString, c.stores+1
		fmt.Fprint(w, `{"VersionId":"v1"}`)
	case !c.accepts(key):
		w.WriteHeader(http.StatusUnauthorized)
	case r.Method == http.MethodPost:
		w.WriteHeader(http.StatusAccepted)
	default:
		fmt.Fprint(w, `{"status":"processed"}`)
	}
}

// invoke starts the canary over a cloud and returns what invokes it, and what it wrote each time.
func invoke(t *testing.T, c *cloud, more ...string) func() string {
	t.Helper()
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	for name, value := range map[string]string{"AWS_ENDPOINT_URL_SECRETS_MANAGER": server.URL, "AWS_REGION": "us-east-1",
		"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_LAMBDA_FUNCTION_NAME": "n-canary"} {
		t.Setenv(name, value)
	}
	variables := map[string]string{"CANARY_URL": server.URL, "CANARY_DEADLINE": "2s"}
	for i := 0; i+1 < len(more); i += 2 {
		variables[more[i]] = more[i+1]
	}
	var out strings.Builder
	f, err := newCanary(t.Context(), func(name string) (string, bool) { v, is := variables[name]; return v, is }, &out)
	if err != nil {
		t.Fatal(err)
	}
	return func() string {
		out.Reset()
		if err := f(t.Context()); err != nil {
			t.Errorf("Lambda would try it again, because of %v", err)
		}
		if c.stored != "" && strings.Contains(out.String(), c.stored) {
			t.Errorf("the key is in the log: %s", out.String())
		}
		return out.String()
	}
}

func TestTheCanaryMakesItsKeyOnceAndKeepsIt(t *testing.T) {
	c := &cloud{}
	taken := "" // what the API has read
	c.accepts = func(key string) bool { return key != "" && key == taken }
	run := invoke(t, c, "CANARY_KEY_SECRET", "n/canary-key")
	if out := run(); c.stores != 1 || len(c.stored) != secrets.KeyLength || !strings.Contains(out, `"CanaryFailed":1`) {
		t.Fatalf("at first it stores %d keys, and says %s", c.stores, out)
	}
	taken = c.stored
	for range 3 {
		if out := run(); !strings.Contains(out, `"CanaryFailed":0`) || !strings.Contains(out, `"CanaryProcessed":`) ||
			!strings.Contains(out, `"FunctionName":"n-canary"`) {
			t.Errorf("then it says %s", out)
		}
	}
	if c.stores != 1 || c.gets != 2 { // the second, because the API had refused it
		t.Errorf("it stored %d keys and asked %d times", c.stores, c.gets)
	}
	c.stored = strings.Repeat("2", secrets.KeyLength)
	taken = c.stored
	if out := run(); !strings.Contains(out, `"CanaryFailed":1`) || !strings.Contains(out, "answers 401") {
		t.Errorf("with a key that was replaced it says %s", out)
	}
	if out := run(); !strings.Contains(out, `"CanaryFailed":0`) {
		t.Errorf("and after that %s", out)
	}
}

func TestAnOpenAPINeedsNoKeyOfTheCanary(t *testing.T) {
	c := &cloud{accepts: func(key string) bool { return key == "" }}
	if out := invoke(t, c)(); !strings.Contains(out, `"CanaryFailed":0`) || c.gets+c.stores > 0 {
		t.Errorf("it says %s, and asked for secrets %d times", out, c.gets+c.stores)
	}
}
