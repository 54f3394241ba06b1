package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"event-processing-service/archive"
	"event-processing-service/archive/objects"
	"event-processing-service/internal/event"
	"event-processing-service/internal/shred"
	"event-processing-service/processor"
)

// postOf posts an order of a person, whose name is in its data.
func postOf(t *testing.T, url, id, subject, more string) {
	t.Helper()
	body := fmt.Sprintf(`{"type":"demo.order","id":%q,"source":"/shop","subject":%q,"data":{"name":"Lovelace"%s}}`, id,
		subject, more)
	resp, err := http.Post(url+"/v1/events", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		t.Fatalf("event %s is answered %d", id, resp.StatusCode)
	}
}

func awaitOutcome(t *testing.T, url, id, part string) {
	t.Helper()
	body := ""
	eventually(t, id+" with "+part, func() bool {
		_, body = outcomeOf(url, id)
		return strings.Contains(body, part)
	})
}

func TestAForgottenPersonsDataIsNowhereToBeReadAndAReplayPassesItOver(t *testing.T) {
	folder, kafkaPort := t.TempDir(), freePort(t)
	flags, pairs := []string{"--data", folder}, []string{"SHREDDED_TYPES", "demo.*"}
	url, interrupt := serveAs(t, kafkaPort, flags, pairs...)
	postOf(t, url, "1", "ada", `,"ship":true`)
	postOf(t, url, "2", "ada", `,"fault":"bad"`)
	postOf(t, url, "3", "eve", "")
	awaitOutcome(t, url, "1", `"processed"`) // its handler saw JSON
	awaitOutcome(t, url, "2", "order has no quantity")
	awaitOutcome(t, url, "3", `"processed"`)
	if err := interrupt(); err != nil { // by then all is archived, the follow-up of 1, too
		t.Fatal(err)
	}
	place := objects.NewDirectory(filepath.Join(folder, "archive"))
	if all := append(archived(t, place, "events"), archived(t, place, "events.dlq")...); len(all) != 5 ||
		strings.Contains(strings.Join(all, ""), "Lovelace") || strings.Contains(strings.Join(all, ""), "order") {
		t.Errorf("the archive has %q", all)
	}
	nowhere(t, folder, "Lovelace")

	if _, err := shred.NewFolder(filepath.Join(folder, "keys")).Forget(t.Context(), "ada"); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(folder, "outcomes")); err != nil { // so that all takes effect once more
		t.Fatal(err)
	}
	url, _ = serveAs(t, kafkaPort, flags, pairs...)
	contents, err := archive.List(t.Context(), place, archive.Range{Topic: "events"})
	if err != nil {
		t.Fatal(err)
	}
	topic := topicOf(t, kafkaPort, "events")
	for r, err := range contents.Records(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range topic.PublishAll(t.Context(), []event.Record{processor.Copy(&r, processor.Everybody)}) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	awaitOutcome(t, url, "1", `"reason":"forgotten"`)
	awaitOutcome(t, url, "2", `"reason":"forgotten"`)
	awaitOutcome(t, url, "3", `"processed"`)
	if _, body := outcomeOf(url, "3"); strings.Contains(body, "reason") {
		t.Errorf("another person's event ends as %s", body)
	}
	if letters := recordsOf(t, kafkaPort, "events.dlq"); len(letters) != 1 {
		t.Errorf("there are %d dead letters", len(letters))
	}
}

// nowhere fails where a file below the folder has the text.
func nowhere(t *testing.T, folder, text string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(text)) {
			t.Errorf("%s has %s in it", path, text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWithoutAFolderTheKeysAreGoneWithTheRecords(t *testing.T) {
	env, err := readSettings(nil, environmentOf("SHREDDED_TYPES", "order.*"), t.Output())
	if err != nil || env.ownKeys == "" || env.api.Keys.URL != fileURL(env.ownKeys) {
		t.Fatalf("the keys are in %q, %+v (%v)", env.ownKeys, env.api.Keys, err)
	}
	for _, pairs := range [][]string{
		{"SHREDDED_TYPES", "order.*", "KAFKA_BOOTSTRAP_SERVERS", "b:1"}, // whose records stay
		{"SHREDDED_TYPES", "*", "SUBJECT_KEYS", "file:///keys"}, {"SUBJECT_KEYS", "s3://keys"},
	} {
		if _, err := readSettings(nil, environmentOf(pairs...), t.Output()); err == nil {
			t.Errorf("%v are taken", pairs)
		}
	}
	kept, err := readSettings([]string{"--data", "d"}, environmentOf("SHREDDED_TYPES", "order.*"), t.Output())
	if err != nil || kept.ownKeys != "" || !strings.HasSuffix(kept.api.Keys.URL, "/d/keys") {
		t.Errorf("with a folder the keys are in %q, %+v (%v)", kept.ownKeys, kept.api.Keys, err)
	}
}
