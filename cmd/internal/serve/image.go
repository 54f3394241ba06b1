package serve

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// imageDigest is the digest of this container's image as ECS tells it, or "". It leaves out the repository, because
// the health check is public.
//
// Source: Amazon ECS task metadata endpoint version 4.
func imageDigest(ctx context.Context) string {
	url := os.Getenv("ECS_CONTAINER_METADATA_URI_V4")
	if url == "" {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second) // it is on the same host, and the start must not depend on it
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return ""
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	var container struct{ Image string } // REPOSITORY@sha256:…, as the task definition names it
	if json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&container) != nil {
		return ""
	}
	_, digest, _ := strings.Cut(container.Image, "@")
	return digest
}
