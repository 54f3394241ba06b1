package event_test

import (
	"testing"

	"event-processing-service/internal/event"
)

func TestBadHeadersNameTheHeaderAndSayWhatToDo(t *testing.T) {
	tests := map[string]struct {
		changes []change
		faults  []string
	}{
		"CloudEvents 3.1.1 ce-id is missing": {[]change{{"ce-id", ""}}, []string{"ce-id", "is required"}},
		"CloudEvents 3.1.1 ce-source is missing": {[]change{{"ce-source", ""}},
			[]string{"ce-source", "is required"}},
		"CloudEvents 3.1.1 ce-type is missing": {[]change{{"ce-type", ""}}, []string{"ce-type", "is required"}},
		"CloudEvents 3.1.1 ce-specversion is missing": {[]change{{"ce-specversion", ""}},
			[]string{"ce-specversion", `must be "1.0"`}},
		"CloudEvents 3.1.1 ce-specversion is 0.3": {[]change{{"ce-specversion", "0.3"}},
			[]string{"ce-specversion", `must be "1.0"`}},
		"CloudEvents 3.1.2 ce-time is not a date": {[]change{{"ce-time", "2026-01-31"}},
			[]string{"ce-time", "RFC 3339"}},
		"HTTP 3.1.1 there is a ce-datacontenttype": {[]change{{"CE-DataContentType", "text/plain"}},
			[]string{"ce-datacontenttype", "content-type"}},
		"HTTP 3.1.3.2 an overlong encoding": {[]change{{"ce-subject", "%C0%A0"}},
			[]string{"ce-subject", "not valid UTF-8"}},
		"HTTP 3.1.3.2 an escaped half of a character": {[]change{{"ce-id", "%E2%82"}},
			[]string{"ce-id", "not valid UTF-8"}},
		"HTTP 3.1.3.2 an escaped surrogate": {[]change{{"ce-id", "%ED%A0%80"}},
			[]string{"ce-id", "not valid UTF-8"}},
		"HTTP 3.1.3.2 raw bytes that are not UTF-8": {[]change{{"ce-ext", "\xe9"}},
			[]string{"ce-ext", "valid UTF-8"}},
		"HTTP 3.1.3.2 a percent sign that starts no escape": {[]change{{"ce-subject", "100%"}},
			[]string{"ce-subject", "%25"}},
		"HTTP 3.1.3.2 a percent sign with one digit":     {[]change{{"ce-subject", "%4"}}, []string{"ce-subject", "%25"}},
		"HTTP 3.1.3.2 a percent sign with a wrong digit": {[]change{{"ce-subject", "%4g"}}, []string{"ce-subject", "%25"}},
		"CloudEvents 3.1 an escaped line break": {[]change{{"ce-subject", "a%0D%0Ab"}},
			[]string{"ce-subject", "control characters"}},
		"CloudEvents 3 an extension name has an underscore": {[]change{{"ce-order_id", "x"}},
			[]string{"ce-order_id", "rename it"}},
		"CloudEvents 3 there is a ce-data": {[]change{{"ce-data", "x"}},
			[]string{"ce-data", "must not be the name"}},
		"CloudEvents 3 a header is only the prefix": {[]change{{"ce-", "x"}}, []string{"ce-", "lower-case"}},
		"CloudEvents 3 an attribute comes twice":    {[]change{{"CE-ID", "x"}}, []string{"ce-id", "more than once"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := event.ParseBinary("application/json", headers(test.changes...), nil)
			wantFaults(t, err, test.faults...)
		})
	}
	t.Run("CloudEvents 3.1.2 an optional attribute is empty", func(t *testing.T) {
		_, err := event.ParseBinary("",
			seqOf("ce-specversion", "1.0", "ce-id", "1", "ce-source", "/", "ce-type", "t", "ce-subject", ""), nil)
		wantFaults(t, err, "ce-subject", "omit it")
	})
	t.Run("CloudEvents 3.1.2 Content-Type is not a media type", func(t *testing.T) {
		_, err := event.ParseBinary("json", headers(), nil)
		wantFaults(t, err, "content-type", "media type")
	})
}
