package serve

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestTheImagesDigestIsToldWithoutItsRegistry(t *testing.T) {
	for text, want := range map[string]string{
		`{"Image":"123456789012.dkr.ecr.us-east-1.amazonaws.com/x@sha256:abc","ImageID":"sha256:other"}`: "sha256:abc",
		`{"Image":"x:latest"}`: "",
		`nonsense`:             "",
	} {
		server := httptest.NewServer(
			http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }))
		t.Setenv("ECS_CONTAINER_METADATA_URI_V4", server.URL)
		if got := imageDigest(t.Context()); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
		server.Close()
		if got := imageDigest(t.Context()); got != "" {
			t.Errorf("without an answer: %q", got)
		}
	}
}
