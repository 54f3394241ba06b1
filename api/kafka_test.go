package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// What the broker answers goes through the real publisher: neither its classes nor their problems are taken for
// granted.
func TestWhatTheBrokerSaysIsAnsweredAsItIs(t *testing.T) {
	unknown, refused := "outcome-unknown", "kafka-refuses"
	for name, test := range map[string]struct {
		says   *kerr.Error
		count  int // of produce requests that are answered so; -1: all
		status int
		want   string // "": stored
	}{
		"a leader that has moved":                {kerr.NotLeaderForPartition, 1, 202, ""},
		"a leader that has moved, and no other":  {kerr.NotLeaderForPartition, -1, 503, unknown},
		"a disk that fails, and another leader":  {kerr.KafkaStorageError, 1, 202, ""},
		"a disk that fails, and no other leader": {kerr.KafkaStorageError, -1, 503, unknown},
		"too few replicas":                       {kerr.NotEnoughReplicas, -1, 503, unknown},
		"an error without a name":                {kerr.UnknownServerError, -1, 503, unknown},
		"a missing right on the topic":           {kerr.TopicAuthorizationFailed, -1, 500, refused},
		"a missing right on the cluster":         {kerr.ClusterAuthorizationFailed, -1, 500, refused},
		"a record above the topic's limit":       {kerr.MessageTooLarge, -1, 413, "event-too-large"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			s.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "events", Err: test.says, Count: test.count})
			got := s.post("application/cloudevents+json", structured)
			if test.want == "" {
				got.want(test.status)
				s.records(1)
				return
			}
			p := got.problem(test.status)
			if !strings.HasSuffix(p.Type, "/"+test.want) || *p.Retryable != (test.status == http.StatusServiceUnavailable) {
				t.Errorf("the problem is %s, retryable: %t", p.Type, *p.Retryable)
			}
			if n := len(s.records(0)); n != 0 {
				t.Errorf("%d records are stored", n)
			}
		})
	}
}

func TestABrokerThatIsPausedLeavesTheOutcomeUnknownInTime(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		s.cluster.KeepControl()
		return nil, nil, true // taken, never answered
	})
	if p := s.post("application/cloudevents+json", structured).problem(503); !strings.HasSuffix(p.Type,
		"/outcome-unknown") {
		t.Errorf("the problem is %s", p.Type)
	}
}
