package event_test

import (
	"testing"

	"event-processing-service/internal/event"
)

func TestSourceIsAURIReference(t *testing.T) {
	taken := []string{
		"https://github.com/cloudevents", "mailto:cncf-wg-serverless@lists.cncf.io",
		"urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66",
		"/cloudevents/spec/pull/123", "1-555-123-4567", "a", "?q=1&r=%20", "#fragment", "//host:8080/path",
		"http://[2001:db8::7]:80/c=GB?one#two",
		"tel:+1-816-555-1212", "/a%20b", "../x;y=1,2", "http://user:pw@host/(a)*'!$", "urn:a:b#c",
	}
	for _, source := range taken {
		if e, err := event.ParseStructured(structured(change{"source", `"` + source + `"`})); err != nil ||
			e.Source != source {
			t.Errorf("%s: %v", source, err)
		}
	}
	refused := []string{
		"a b", "/ä", "/a|b", "/a^b", "<x>", `\\host`, "/a%2", "/a%zz", "?q=%zz", "urn:%zz", "1:2", ":x", "/a[b]", "?a[]=1",
		"#a#b", "#[", "a_b:c",
		"http://[::1/x", "http://host:port/", "http://[::1]/[",
	}
	for _, source := range refused {
		_, err := event.ParseStructured(structured(change{"source", `"` + source + `"`}))
		if err == nil {
			t.Errorf("%s is taken", source)
		}
	}
}

func TestDataSchemaIsAnAbsoluteURI(t *testing.T) {
	for _, schema := range []string{"https://example.com/s.json", "urn:schema:order",
		"https://example.com/s.json#/$defs/order"} {
		if _, err := event.ParseStructured(structured(change{"dataschema", `"` + schema + `"`})); err != nil {
			t.Errorf("%s: %v", schema, err)
		}
	}
	for _, schema := range []string{"s.json", "//example.com/s.json", "#x", "https://example.com/a b"} {
		_, err := event.ParseStructured(structured(change{"dataschema", `"` + schema + `"`}))
		wantFaults(t, err, "/dataschema", "absolute URI")
	}
}
