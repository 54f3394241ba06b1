package event_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The golden files hold records as they are in Kafka. Consumers in other languages read them, so they would see any
// difference.
func TestRecordsAreWrittenAsTheGoldenFilesHaveThem(t *testing.T) {
	tests := map[string][]byte{
		"minimal": []byte(`{"specversion":"1.0","id":"1","source":"/s","type":"t"}`),
		"full": []byte(
			`{"specversion":"1.0","id":"A234-1234-1234","source":"https://github.com/cloudevents/spec/pull",
			"type":"com.github.pull_request.opened",
			"subject":"123","time":"2018-04-05T17:31:00.000Z","dataschema":"https://example.com/pull.json",
			"datacontenttype":"text/xml",
			"partitionkey":"k","comexampleextension1":"value","comexampleothervalue":5,"comexampleflag":true,"empty":"",
			"data":"<much wow=\"xml\"/>"}`),
		"implied-json": []byte(`{"specversion":"1.0","id":"D234","source":"/mycontext","type":"com.example.someevent",
			"subject":null,"data": { "keeps" : 1.50 }}`),
		"base64": []byte(`{"specversion":"1.0","id":"B","source":"/mycontext","type":"t",
			"datacontenttype":"application/octet-stream","data_base64":"AAH+/w=="}`),
		"beyond-ascii": []byte(`{"specversion":"1.0","id":"Euro € ` +
			`\ud83d\ude00","source":"/s","type":"t","subject":"100%20 \"quoted\""}`),
		"null-is-a-value": []byte(`{"specversion":"1.0","id":"N","source":"/s","type":"t","data":null}`),
		"empty-text": []byte(
			`{"specversion":"1.0","id":"E","source":"/s","type":"t","datacontenttype":"text/plain","data":""}`),
	}
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			e := mustParse(t, body)
			var b strings.Builder
			fmt.Fprintf(&b, "key: %s\n", quotedKey(e.PartitionKey()))
			for _, h := range recordHeaders(&e) {
				fmt.Fprintf(&b, "%s: %s\n", h.Key, quoted(h.Value))
			}
			fmt.Fprintf(&b, "value: %s\n", quoted(e.Data))
			file := filepath.Join("testdata", name+".record")
			if *update {
				if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), b.String()); diff != "" {
				t.Errorf("the record differs from %s; if that is meant, run go test ./internal/event -update (-want +got):\n%s",
					file, diff)
			}
		})
	}
}

func quotedKey(key string) string {
	if key == "" {
		return "null"
	}
	return fmt.Sprintf("%q", key)
}

func quoted(b []byte) string {
	if b == nil {
		return "null"
	}
	return fmt.Sprintf("%q", b)
}
