package assembly_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"event-processing-service/cmd/internal/assembly"
	"event-processing-service/internal/settings"
)

func TestTheKeyOfKMSThatTheSettingsNameWrapsNewKeys(t *testing.T) {
	wraps := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Amz-Target") == "TrentService.GenerateDataKey" {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			wraps = string(body)
			w.WriteHeader(http.StatusForbidden)
		}
		_, _ = io.WriteString(w, "{}") // the table does not have the item
	}))
	defer server.Close()
	for name, value := range map[string]string{"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "us-east-1",
		"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"} {
		t.Setenv(name, value)
	}
	for url, want := range map[string]string{"dynamodb://keys": "", "dynamodb://keys?kms=alias/k": `"KeyId":"alias/k"`} {
		wraps = ""
		store, _, err := assembly.New(t.Context(), slog.New(slog.DiscardHandler)).KeyStore(settings.Keys{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		_, err = store.Current(t.Context(), "ada")
		if (err == nil) != (want == "") || (wraps == "") != (want == "") || !strings.Contains(wraps, want) {
			t.Errorf("%s: KMS is asked %q, and the key is made: %v", url, wraps, err)
		}
	}
}
