package api_test

import (
	"net/http"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"event-processing-service/internal/event"
)

// rejected is what events_rejected_total counts, by its reason; reasons that count nothing are left out.
func (s *service) rejected() map[string]string {
	s.t.Helper()
	counts := map[string]string{}
	text := s.do(http.MethodGet, "/v1/metrics", "", "").want(200).body
	for _, m := range regexp.MustCompile(
		`events_rejected_total\{reason="([^"]*)"\} ([1-9]\d*)`).FindAllStringSubmatch(text, -1) {
		counts[m[1]] = m[2]
	}
	return counts
}

func TestEachEventThatIsRefusedIsCountedUnderTheNameOfItsProblem(t *testing.T) {
	const ce, batch = "application/cloudevents+json", "application/cloudevents-batch+json"
	s := serve(t, &broker{}, nil)
	s.post(ce, `{`).problem(400)
	s.post(ce, `{}`).problem(400)
	s.post("text/plain", `x`).problem(415)
	s.post(batch, "["+structured+`,{},7]`).want(207)
	s.post(batch, `[{},{}]`).problem(400)
	s.do(http.MethodGet, "/nowhere", "", "").problem(404)
	want := map[string]string{"malformed-request": "1", "invalid-event": "5", "unsupported-media-type": "1"}
	if diff := cmp.Diff(want, s.rejected()); diff != "" {
		t.Errorf("events refused before Kafka (-want +got):\n%s", diff)
	}

	s = serve(t, failing(event.FailureNotSent), nil)
	s.post(ce, structured).problem(503)
	s.post(batch, "["+structured+","+structured+"]").problem(503)
	s.do(http.MethodGet, "/current_time", "", "").problem(503)
	if diff := cmp.Diff(map[string]string{"not-sent": "4"}, s.rejected()); diff != "" {
		t.Errorf("events that Kafka refuses (-want +got):\n%s", diff)
	}
}
