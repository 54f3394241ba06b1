package assembly

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"event-processing-service/internal/settings"
	"event-processing-service/internal/telemetry"
	"event-processing-service/processor"
)

// No handler must be registered whose secret is missing.
func TestAFunctionWhoseSecretsCanNotBeUsedRegistersNoHandler(t *testing.T) {
	t.Setenv("AWS_REGION", "us-east-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	vault := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // a truncated request names no secret
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		if strings.Contains(string(body), "text") {
			_, _ = io.WriteString(w, `{"SecretString":"hush"}`)
			return
		}
		kind := map[bool]string{true: "InvalidRequestException", false: "ResourceNotFoundException"}[strings.Contains(
			string(body), "deleted")]
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"__type":"`+kind+`","Message":"it was marked for deletion"}`)
	}))
	t.Cleanup(vault.Close)
	t.Setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", vault.URL)

	env, err := settings.LoadProcessor(func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	env.Secrets = map[string]settings.Secret{"GONE": {SecretsManager: "gone"}, "ROTATED_AWAY": {SecretsManager: "deleted"},
		"NOT_JSON": {SecretsManager: "text", JSON: true}, "GOOD": {SecretsManager: "text"}}
	a := New(t.Context(), telemetry.NewLogger(io.Discard, nil))
	a.Sets = processor.Sets{{Register: func(context.Context, *processor.Mux, *processor.Deps) (func(), error) {
		t.Error("handlers are registered")
		return func() {}, nil
	}}}
	_, _, err = a.Function(t.Context(), env, FunctionParts{})
	want := []string{"secret GONE: read Secrets Manager gone: there is no such secret in us-east-1",
		"secret NOT_JSON: Secrets Manager text is not JSON, as processor.uses.secrets demands",
		"secret ROTATED_AWAY: read Secrets Manager deleted: it is marked for deletion"}
	if err == nil || err.Error() != strings.Join(want, "\n") {
		t.Errorf("the start ends with\n%v", err)
	}
}
