package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"event-processing-service/archive"
	"event-processing-service/archive/objects"
	"event-processing-service/internal/settings"
)

// archived is the values of what a topic has in the archive, in their order.
func archived(t *testing.T, place archive.Source, topic string) (values []string) {
	t.Helper()
	contents, err := archive.List(t.Context(), place, archive.Range{Topic: topic})
	if err != nil {
		t.Fatal(err)
	}
	for r, err := range contents.Records(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, string(r.Value))
	}
	return values
}

func TestEventsAndDeadLettersAreArchivedByTheTimeThatItEnds(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "archive")
	url, interrupt := serveOn(t, freePort(t), "ARCHIVE_URL", fileURL(folder))
	good, bad := `{"type":"a","id":"1","data":{"n": 1.0}}`, `{"type":"demo.order","id":"2","data":"bad"}`
	for _, body := range []string{good, bad} {
		resp, err := http.Post(url+"/v1/events", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	eventually(t, "done", func() bool {
		first, _ := get(url + "/v1/events/1")
		second, _ := get(url + "/v1/events/2")
		return first == http.StatusOK && second == http.StatusOK
	})
	if err := interrupt(); err != nil {
		t.Fatalf("it ends with %v", err)
	}
	place := objects.NewDirectory(folder)
	if events, letters := archived(t, place, "events"), archived(t, place, "events.dlq"); len(events) != 2 ||
		len(letters) != 1 || letters[0] != `"bad"` {
		t.Errorf("the archive has %q and %q", events, letters)
	}
	for _, err := range archive.Verify(t.Context(), place, "") {
		if err != nil {
			t.Error(err)
		}
	}
}

func TestOfBrokersOfOthersNothingIsArchivedUnasked(t *testing.T) {
	r, err := openRecords(nil, environment{embedded: false})
	if err != nil || r.place != nil || r.run(t.Context(), nil, environment{}) != nil {
		t.Errorf("it opens %+v, %v", r, err)
	}
}

func TestAnArchiveThatIsNowhereIsRefused(t *testing.T) {
	_, err := readSettings(nil, environmentOf("ARCHIVE_URL", "/tmp/archive"), t.Output())
	if err == nil || !strings.Contains(err.Error(), "ARCHIVE_URL") {
		t.Errorf("it says %v", err)
	}
	if _, err := settings.LoadArchive(environmentOf("ARCHIVE_URL", "s3://bucket/prefix")); err != nil {
		t.Error(err)
	}
}
