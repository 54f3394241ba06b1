package store

import (
	"encoding/json"
	"math"
	"strconv"
	"testing"
	"time"

	"event-processing-service/internal/event"
)

func TestAValueIsWrittenAsJSONReadsIt(t *testing.T) {
	for _, s := range []string{"", "plain", `"`, `\`, "\x00\n\x1f", "~\x7f", "ü ☃ \u2028", "'; \"--", "<&>",
		"\U0001F600"} {
		var got struct{ S, N *string }
		if err := json.Unmarshal(attribute{text: s}.append(nil), &got); err != nil || got.S == nil || *got.S != s ||
			got.N != nil {
			t.Errorf("%q is written as %s: %v", s, attribute{text: s}.append(nil), err)
		}
	}
	for _, n := range []int64{0, -1, math.MaxInt64, math.MinInt64} {
		var got struct{ S, N *string }
		a := attribute{number: n, isNumber: true}
		if err := json.Unmarshal(a.append(nil), &got); err != nil || got.N == nil || *got.N != strconv.FormatInt(n, 10) ||
			got.S != nil {
			t.Errorf("%d is written as %s: %v", n, a.append(nil), err)
		}
	}
}

func TestTextsOfAnyKindComeBackFromASharedRequest(t *testing.T) {
	const strange = "\"quoted\" \\ 'single' \x00\n ☃ \u2028 {\"S\":\"x\"}, ?"
	d := faulty(noFault)
	id := event.Identity{Source: "/strange " + strange, ID: strange}
	company := event.NewCompany(2)
	done := make(chan error)
	go func() {
		_, err := d.Finish(t.Context(), event.Claim{Identity: numbered(7), Company: company}, processed)
		done <- err
	}()
	want := event.Outcome{Status: event.StatusDeadLettered, At: time.UnixMilli(1).UTC(), Type: strange, Reason: strange}
	if _, err := d.Finish(t.Context(), event.Claim{Identity: id, Company: company}, want); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	got, _, err := d.Outcome(t.Context(), id)
	want.Identity = id
	if err != nil || got != want {
		t.Errorf("it is %+v, %v", got, err)
	}
}
