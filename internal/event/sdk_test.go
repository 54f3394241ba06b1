package event_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	sdk "github.com/cloudevents/sdk-go/v2/event"

	"event-processing-service/internal/event"
)

// The CloudEvents SDK and this package must read the same events out of the same bytes.
func TestTheCloudEventsSDKReadsTheSame(t *testing.T) {
	random := seeded(t)
	for range rounds {
		e := randomEvent(random)
		if len(e.Time) > 0 && e.Time[10] == 't' { // the SDK uses time.Parse, which refuses lower case and leap seconds
			e.Time = ""
		}
		e.ID, e.Type = "i"+e.ID, "t"+e.Type // the SDK takes a required attribute of only spaces for empty
		if e.Subject != "" {
			e.Subject = "s" + e.Subject
		}
		body := writeStructured(t, &e)
		ours, err := event.ParseStructured(body)
		if err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		var theirs sdk.Event
		if err := json.Unmarshal(body, &theirs); err != nil {
			t.Fatalf("the SDK refuses %s: %v", body, err)
		}
		if err := theirs.Validate(); err != nil {
			t.Fatalf("the SDK finds %s invalid: %v", body, err)
		}
		compareWithSDK(t, ours, theirs)
		if t.Failed() {
			t.Fatalf("body: %s", body)
		}
	}
}

func compareWithSDK(t *testing.T, ours event.Event, theirs sdk.Event) {
	t.Helper()
	equal(t, ours.ID, theirs.ID())
	equal(t, ours.Source, theirs.Source())
	equal(t, ours.Type, theirs.Type())
	equal(t, ours.Subject, theirs.Subject())
	equal(t, ours.DataSchema, theirs.DataSchema())
	if !ours.OccurredAt().Equal(theirs.Time()) {
		t.Errorf("time is %s here and %s there", ours.OccurredAt().Format(time.RFC3339Nano),
			theirs.Time().Format(time.RFC3339Nano))
	}
	equal(t, len(ours.Extensions), len(theirs.Extensions()))
	for _, x := range ours.Extensions {
		equal(t, x.Value, fmt.Sprint(theirs.Extensions()[x.Name]))
	}
	if !bytes.Equal(ours.Data, theirs.Data()) {
		t.Errorf("data is %q here and %q there", ours.Data, theirs.Data())
	}
	if ours.DataContentType != theirs.DataContentType() {
		t.Errorf("datacontenttype is %q here and %q there", ours.DataContentType, theirs.DataContentType())
	}
}
