package api_test

import (
	"os"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi"
)

// breaks are the changes from one document to another that can break a client.
func breaks(t *testing.T, before, after string) (found []string) {
	t.Helper()
	old, err := libopenapi.NewDocument([]byte(before))
	if err != nil {
		t.Fatal(err)
	}
	updated, err := libopenapi.NewDocument([]byte(after))
	if err != nil {
		t.Fatal(err)
	}
	changes, err := libopenapi.CompareDocuments(old, updated)
	if err != nil {
		t.Fatal(err)
	}
	if changes == nil {
		return nil
	}
	for _, c := range changes.GetAllChanges() {
		if c.Breaking {
			found = append(found, c.Property+": "+c.Original+" -> "+c.New)
		}
	}
	return found
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// /v1 grows by addition only. At a release, copy docs/openapi.yaml to docs/openapi.released.yaml.
func TestNothingOfTheLastReleasedDocumentIsBroken(t *testing.T) {
	for _, b := range breaks(t, read(t, releasedDocument), read(t, committedDocument)) {
		t.Errorf("clients would break: %s", b)
	}
}

func TestAChangeOfTheDocumentThatBreaksClientsIsFound(t *testing.T) {
	released := read(t, releasedDocument)
	for _, c := range []struct {
		name, old, new string
		breaking       bool
	}{
		{"another description", "Where the outcome can be read", "Where to look", false},
		{"a path less", "/v1/current_time:", "/v1/time:", true},
		{"a member less", "        partition:\n          examples:\n            - 2\n",
			"        shard:\n          examples:\n            - 2\n", true},
		{"another type of a member",
			"        accepted:\n          description: How many are stored\n          examples:\n            - 2\n          " +
				"format: int64\n          type: integer",
			"        accepted:\n          description: How many are stored\n          type: string", true},
		{"an operation of another name", "operationId: post-events", "operationId: send-events", true},
		{"a status less", "        \"207\":", "        \"299\":", true},
		{"a member that requests must have", "      required:\n        - type\n      type: object",
			"      required:\n        - type\n        - time\n      type: object", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !strings.Contains(released, c.old) {
				t.Fatalf("the document no longer has %q: write this case anew", c.old)
			}
			if found := breaks(t, released, strings.Replace(released, c.old, c.new, 1)); (len(found) > 0) != c.breaking {
				t.Errorf("found breaking: %v", found)
			}
		})
	}
}
