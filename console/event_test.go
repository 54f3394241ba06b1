package console

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"event-processing-service/internal/event"
)

func eventRecord(offset int64, id, key string, data []byte) event.Record {
	header := func(k, v string) event.Header { return event.Header{Key: k, Value: []byte(v)} }
	return event.Record{
		Place: event.Place{Topic: "events", Offset: offset}, Key: []byte(key), Value: data,
		Headers: []event.Header{header("ce_specversion", "1.0"), header("ce_id", id), header("ce_source", "/s"),
			header("ce_type", "order.created"),
			header("content-type", "application/json"),
			header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")},
	}
}

func TestAnEventsPageHasItsRecordAndThoseOfItsKeyAround(t *testing.T) {
	p := open(t, &topics{records: []event.Record{
		eventRecord(0, "a", "k", nil), eventRecord(1, "b", "other", nil),
		eventRecord(2, "c", "k", []byte(`{"n":12345678901234567890}`)),
		eventRecord(3, "d", "k", nil),
	}}, nil)
	status, answer := p.ask(http.MethodGet, "/api/event?topic=events&partition=0&offset=2", "")
	var d document
	if err := json.Unmarshal([]byte(answer), &d); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s", status, answer)
	}
	if len(d.Before) != 1 || d.Before[0].ID != "a" || len(d.After) != 1 || d.After[0].ID != "d" {
		t.Errorf("around it are %+v and %+v", d.Before, d.After)
	}
	if d.Data.Text != "{\n  \"n\": 12345678901234567890\n}" || d.TraceID != "0af7651916cd43dd8448eb211c80319c" {
		t.Errorf("its data is %q, its trace %q", d.Data.Text, d.TraceID)
	}
}

func TestOnlyTheServicesOwnTopicsAreRead(t *testing.T) {
	p := open(t, &topics{}, nil)
	for query, want := range map[string]int{
		"topic=__consumer_offsets&partition=0&offset=0": http.StatusBadRequest,
		"topic=events&partition=0&offset=-1":            http.StatusBadRequest,
		"topic=events&partition=x&offset=0":             http.StatusBadRequest,
		"topic=events&partition=0&offset=99":            http.StatusNotFound,
	} {
		if status, _ := p.ask(http.MethodGet, "/api/event?"+query, ""); status != want {
			t.Errorf("%s is answered with %d", query, status)
		}
	}
}

func TestALineToPasteRunsNothingOfTheEvent(t *testing.T) {
	hostile := "'; touch taken; '$(touch taken)`touch taken`\n\x1b[2J\u202e\U000E0001"
	e := event.Event{Type: hostile, ID: "1", Source: hostile, DataContentType: "application/json",
		Data: []byte(`{"a":"'; touch taken; '\u202e"}`), Extensions: []event.Extension{{Name: "x", Value: hostile}}}
	c := New(Config{APIURL: "http://localhost:1"}, Parts{Decode: event.FromRecord}, nil)
	curl, eventctl := c.commands(&e)
	if strings.ContainsAny(curl, "\n\x1b\u202e\U000E0001") {
		t.Errorf("the terminal obeys %q", curl)
	}
	quoted := strings.TrimSuffix(strings.TrimPrefix(eventctl, "printf %s "),
		" | go run ./cmd/eventctl send --file - --url http://localhost:1")
	said := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+quoted)
	said.Dir = t.TempDir()
	out, err := said.Output()
	var got struct{ Type, Source, X string }
	if err != nil || json.Unmarshal(out, &got) != nil || got.Type != hostile || got.Source != hostile || got.X != hostile {
		t.Errorf("the shell makes of it %s (%v)", out, err)
	}
}

func TestWhatIsNoTextIsShownAsBase64AndWhatIsLongIsCut(t *testing.T) {
	if got := textOf([]byte{0xff, 0}); !got.Base64 || got.Text != "/wA=" {
		t.Errorf("%+v", got)
	}
	if got := textOf([]byte(strings.Repeat("a", maxShown-1) + "ééé")); got.Base64 || !got.Cut || len(got.Text) > maxShown {
		t.Errorf("Base64 %t, cut %t, %d bytes", got.Base64, got.Cut, len(got.Text))
	}
	if textOf(nil) != nil {
		t.Error("none is not the same as empty")
	}
}
