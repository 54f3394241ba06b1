package api_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"event-processing-service/api"
	"event-processing-service/internal/event"
	"event-processing-service/schemas"
)

var seedFlag = flag.Uint64("seed", 0, "seed of the random requests; 0: a new one")

// hostile are pieces of events that try to be another event further on.
var hostile = struct{ media, data, members, headers []string }{
	media: []string{"", "application/json", "text/plain", "application/cloudevents+json",
		"Application/CloudEvents-Batch+json; a=b",
		"application/cloudevents+xml", "application/cloudeventsfoo", " application/cloudevents+json", "application/x",
		"x/cloudevents+json"},
	data: []string{`{}`, `null`, `"x"`, `{"specversion":"1.0","id":"inner","source":"/inner","type":"admin.delete"}`,
		`"{\"specversion\":\"1.0\",\"id\":\"inner\",\"source\":\"/inner\",\"type\":\"admin.delete\"}"`, `[{}]`},
	members: []string{`"ext":"x"`, `"id":"twice"`, `"\u0069d":"twice"`, `"type":"admin.delete"`, `"specversion":"0.3"`,
		`"contenttype":"application/cloudevents+json"`,
		`"content-type":"x/y"`, `"datacontenttype":"application/json"`, `"partitionkey":"k"`, `"Id":"upper"`,
		`"subject":null`, `"data_base64":"e30="`, `"xrequestid":"r"`},
	headers: []string{"ce-id", "ce-source", "ce-type", "ce-specversion", "ce-ext", "ce_id", "content-type-x",
		"ce-contenttype", "ce-partitionkey", "ce-datacontenttype", "x-request-id"},
}

// hostileRequest is a request whose one event has the id, unless a piece changes it.
func hostileRequest(random *rand.Rand, id string) (contentType, body string, headers []string) {
	pick := func(from []string) string { return from[random.IntN(len(from))] }
	for range random.IntN(3) {
		headers = append(headers, pick(hostile.headers), pick([]string{"1", "/inner", "admin.delete", "1.0"}))
	}
	if random.IntN(3) == 0 {
		return pick(hostile.media), pick(hostile.data),
			append(headers, "ce-id", id, "ce-source", "/outer", "ce-type", "harmless", "ce-specversion", "1.0")
	}
	members := []string{`"specversion":"1.0"`, `"id":"` + id + `"`, `"source":"/outer"`, `"type":"harmless"`}
	if media := pick(hostile.media); media != "" {
		members = append(members, fmt.Sprintf(`"datacontenttype":%q`, media))
	}
	if random.IntN(4) > 0 {
		members = append(members, `"data":`+pick(hostile.data))
	}
	for range random.IntN(3) {
		members = append(members, pick(hostile.members))
	}
	random.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	body = "{" + strings.Join(members, ",") + "}"
	contentType =
		pick([]string{"application/cloudevents+json", "application/json", "APPLICATION/CloudEvents+JSON; charset=UTF-8",
			"application/cloudevents-batch+json"})
	if strings.HasSuffix(contentType, "batch+json") {
		body = "[" + body + "]"
	}
	return contentType, body, headers
}

// What a handler is called with is what the API has checked and answered for: no request makes another event of itself
// on its way through Kafka.
func TestTheEventThatIsProcessedIsTheOneThatWasAccepted(t *testing.T) {
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("repeat with -seed=%d", seed)
	harmless, err := schemas.Load(fstest.MapFS{"harmless.json": {Data: []byte("{}")}})
	if err != nil {
		t.Fatal(err)
	}
	t.Run("of any type", func(t *testing.T) { tryHostile(t, seed, start(t)) })
	t.Run("of types that have a schema", func(t *testing.T) {
		tryHostile(t, seed, start(t, func(c *api.Config) { c.SchemaMode, c.Schemas = api.SchemasStrict, harmless }),
			"harmless")
	})
}

// tryHostile posts hostile requests to s, which takes only events of the types.
func tryHostile(t *testing.T, seed uint64, s *service, types ...string) {
	random := rand.New(rand.NewPCG(seed, 0))
	accepted := map[string]string{} // requests by the id that their answer names
	for i := range 400 {
		contentType, body, headers := hostileRequest(random, fmt.Sprint("outer-", i))
		a := s.do(http.MethodPost, "/v1/events", contentType, body, headers...)
		if a.status != http.StatusAccepted {
			continue
		}
		var got struct {
			ID      string
			Results []struct{ ID string }
		}
		a.json(&got)
		if len(got.Results) > 0 {
			got.ID = got.Results[0].ID
		}
		accepted[got.ID] = fmt.Sprintf("%s %v: %s", contentType, headers, body)
	}
	if len(accepted) < 10 {
		t.Fatalf("only %d requests were accepted, which proves little", len(accepted))
	}
	for _, r := range s.records(0) {
		record := event.Record{Value: r.Value}
		for _, h := range r.Headers {
			record.Headers = append(record.Headers, event.Header(h))
		}
		e, err := event.FromRecord(&record)
		switch {
		case err != nil:
			t.Errorf("the processor can't read an event that was accepted: %v", err)
		case accepted[e.ID] == "" || types != nil && !slices.Contains(types, e.Type):
			t.Errorf("event %q of %q, a %q, was never accepted; the request with its id is %q", e.ID, e.Source, e.Type,
				accepted[e.ID])
		}
	}
}
