package event_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"event-processing-service/internal/event"
)

func TestBadEventsNameTheFieldAndSayWhatToDo(t *testing.T) {
	tests := map[string]struct {
		changes []change
		faults  []string
	}{
		"CloudEvents 3.1.1 id is missing": {[]change{{"id", ""}}, []string{"/id", "is required"}},
		"CloudEvents 3.1.1 id is empty": {[]change{{"id", `""`}},
			[]string{"/id", "must not be empty"}},
		"JSON 2.2 id is null": {[]change{{"id", `null`}},
			[]string{"/id", "is required"}},
		"JSON 2.2 id is a number": {[]change{{"id", `7`}},
			[]string{"/id", "must be a JSON string"}},
		"CloudEvents 3.1.1 source is missing": {[]change{{"source", ""}},
			[]string{"/source", "is required"}},
		"CloudEvents 3.1.1 source is empty": {[]change{{"source", `""`}},
			[]string{"/source", "is required"}},
		"CloudEvents 3.1.1 source is not a URI-reference": {[]change{{"source", `"a b"`}},
			[]string{"/source", "percent-encode"}},
		"CloudEvents 3.1.1 type is missing": {[]change{{"type", ""}},
			[]string{"/type", "is required"}},
		"CloudEvents 3.1.1 type is empty": {[]change{{"type", `""`}},
			[]string{"/type", "must not be empty"}},
		"CloudEvents 3.1.1 specversion is missing": {[]change{{"specversion", ""}},
			[]string{"/specversion", `must be "1.0"`}},
		"CloudEvents 3.1.1 specversion is null": {[]change{{"specversion", `null`}},
			[]string{"/specversion", `is required`}},
		"CloudEvents 3.1.1 specversion is 0.3": {[]change{{"specversion", `"0.3"`}},
			[]string{"/specversion", `must be "1.0"`}},
		"CloudEvents 3.1.1 specversion is a number": {[]change{{"specversion", `1.0`}},
			[]string{"/specversion", `must be a JSON string`}},
		"CloudEvents 3.1.2 subject is empty": {[]change{{"subject", `""`}},
			[]string{"/subject", "omit it"}},
		"CloudEvents 3.1.2 time is not a date": {[]change{{"time", `"yesterday"`}},
			[]string{"/time", "RFC 3339"}},
		"CloudEvents 3.1.2 time is empty": {[]change{{"time", `""`}}, []string{"/time", "omit it"}},
		"CloudEvents 3.1.2 time is a number": {[]change{{"time", `1640995200`}},
			[]string{"/time", "must be a JSON string"}},
		"CloudEvents 3.1.2 dataschema is relative": {[]change{{"dataschema", `"/s.json"`}},
			[]string{"/dataschema", "absolute URI"}},
		"CloudEvents 3.1.2 dataschema is empty": {[]change{{"dataschema", `""`}},
			[]string{"/dataschema", "omit it"}},
		"CloudEvents 3.1.2 datacontenttype is not a media type": {[]change{{"datacontenttype", `"json"`}},
			[]string{"/data", "must be a JSON string", "/datacontenttype", "media type"}},
		"CloudEvents 3.1.2 datacontenttype is empty": {[]change{{"datacontenttype", `""`}},
			[]string{"/datacontenttype", "omit it"}},
		"CloudEvents 3.1.2 datacontenttype has control characters": {
			[]change{{"datacontenttype", `"application/json; a=\"\u0001\""`}}, []string{"/datacontenttype", "media type"}},
		"CloudEvents 3.1 id has a control character": {[]change{{"id", `"a\u0000b"`}},
			[]string{"/id", "control characters"}},
		"CloudEvents 3.1 subject has a C1 control character": {[]change{{"subject", `"\u0085"`}},
			[]string{"/subject", "control characters"}},
		"CloudEvents 3.1 an extension has a line break": {[]change{{"ext", `"a\r\nb"`}},
			[]string{"/ext", "control characters"}},
		"CloudEvents 3.1 type is a noncharacter": {[]change{{"type", `"\ufffe"`}},
			[]string{"/type", "noncharacters"}},
		"CloudEvents 3.1 type is a noncharacter of a higher plane": {[]change{{"type", `"\ud83f\udfff"`}},
			[]string{"/type", "noncharacters"}},
		"CloudEvents 3.1 type is one of the middle noncharacters": {[]change{{"type", `"\ufdd0"`}},
			[]string{"/type", "noncharacters"}},
		"CloudEvents 3 an extension name is upper-case": {[]change{{"orderId", `"x"`}},
			[]string{"/orderId", "lower-case letters and digits"}},
		"CloudEvents 3 an extension name has a hyphen": {[]change{{"order-id", `"x"`}},
			[]string{"/order-id", "rename it"}},
		"CloudEvents 3 an extension name is empty": {[]change{{`\u0000`[:0] + "é", `"x"`}},
			[]string{"/é", "rename it"}},
		"RFC 6901 3 a name with ~ and / is escaped in the pointer": {[]change{{"a/b~c", `"x"`}},
			[]string{"/a~1b~0c", "rename it"}},
		"JSON 2.2 an extension is an object": {[]change{{"ext", `{}`}},
			[]string{"/ext", "move objects and arrays into data"}},
		"JSON 2.2 an extension is an array": {[]change{{"ext", `[]`}},
			[]string{"/ext", "move objects and arrays into data"}},
		"JSON 2.2 an extension has a fraction": {[]change{{"ext", `1.5`}},
			[]string{"/ext", "whole number"}},
		"JSON 2.2 an extension has an exponent": {[]change{{"ext", `1e3`}},
			[]string{"/ext", "whole number"}},
		"JSON 2.2 an extension is above 32 bits": {[]change{{"ext", `2147483648`}},
			[]string{"/ext", "send other numbers as a string"}},
		"JSON 2.2 an extension is below 32 bits": {[]change{{"ext", `-2147483649`}},
			[]string{"/ext", "send other numbers as a string"}},
		"JSON 3.1.1 data stands beside data_base64": {[]change{{"data_base64", `"AA=="`}},
			[]string{"/data_base64", "send one of the two"}},
		"JSON 3.1.1 null as data stands beside data_base64": {[]change{{"data", `null`}, {"data_base64", `"AA=="`}},
			[]string{"/data_base64", "send one of the two"}},
		"JSON 3.1.2 data_base64 is not Base64": {[]change{{"data", ""}, {"data_base64", `"A-_="`}},
			[]string{"/data_base64", "RFC 4648"}},
		"JSON 3.1.2 data_base64 has no padding": {[]change{{"data", ""}, {"data_base64", `"AA"`}},
			[]string{"/data_base64", "padding"}},
		"JSON 3.1.2 data_base64 is a number": {[]change{{"data", ""}, {"data_base64", `1`}},
			[]string{"/data_base64", "JSON string"}},
		"JSON 3.1.2 data of a type other than JSON is an object": {[]change{{"datacontenttype", `"text/xml"`}},
			[]string{"/data", "send data_base64"}},
		"JSON 3.1.2 data of a type other than JSON is null": {[]change{{"datacontenttype", `"text/xml"`}, {"data", "null"}},
			[]string{"/data", "must be a JSON string"}},
		"JSON 3.1.2 data is text in another charset": {[]change{{"datacontenttype", `"text/xml; charset=ISO-8859-1"`},
			{"data", `"é"`}}, []string{"/data", "data_base64"}},
		"JSON 3 id is half of a character": {[]change{{"id", `"cut \ud83d"`}}, []string{"/id", "half of a character"}},
		"JSON 3 text inside of data is cut": {[]change{{"data", `{"a/b":[1,"cut \ud83d"]}`}},
			[]string{"/data/a~1b/1", "half of a character"}},
		"JSON 3 data is not UTF-8":           {[]change{{"data", "\"\xff\""}}, []string{"/data", "not UTF-8"}},
		"JSON 3 a name in data is not UTF-8": {[]change{{"data", "{\"\xff\":1}"}}, []string{"/data", "not UTF-8"}},
		"JSON 3 the name of a member is cut": {[]change{{`\udc00`, "1"}}, []string{"/\uFFFD", "half of a character"}},
		"Kafka 3 datacontenttype is a CloudEvent": {[]change{{"datacontenttype", `"application/cloudevents+json"`}},
			[]string{"/datacontenttype", "must not begin"}},
		"several at once, each in its place": {[]change{{"id", ""}, {"time", `"x"`}, {"X", `1`}},
			[]string{"/X", "rename", "/id", "required", "/time", "RFC 3339"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			e, err := event.ParseStructured(structured(test.changes...))
			wantFaults(t, err, test.faults...)
			if e.Type != "" || e.Data != nil {
				t.Errorf("more than id and source of a bad event came back: %+v", e)
			}
		})
		t.Run(name+", in a batch", func(t *testing.T) {
			body := fmt.Appendf(nil, "[%s,%s,%s]", structured(), structured(test.changes...), structured())
			batch, err := event.ParseBatch(body, 1000)
			if err != nil || len(batch) != 3 {
				t.Fatalf("got %d events, %v", len(batch), err)
			}
			equal(t, batch[0], event.Decoded{Event: good()})
			equal(t, batch[2], event.Decoded{Event: good()})
			inBatch := make([]string, len(test.faults))
			for i, s := range test.faults {
				if inBatch[i] = s; i%2 == 0 {
					inBatch[i] = "/1" + s
				}
			}
			wantFaults(t, batch[1].Err, inBatch...)
		})
	}
}

func TestADuplicateMemberIsRefused(t *testing.T) {
	for _, member := range []string{`"id":"x"`, `"data":{}`, `"subject":"x"`, `"ext":"x"`, `"ext":""`,
		`"specversion":"1.0"`} {
		t.Run("CloudEvents 3 "+member, func(t *testing.T) {
			name := strings.Split(member, `"`)[1]
			body := structured(change{"subject", `"s"`}, change{"ext", `""`})
			body = append(body[:len(body)-1], ","+member+"}"...)
			_, err := event.ParseStructured(body)
			wantFaults(t, err, "/"+name, "more than once")
		})
	}
}

func TestAnElementOfABatchThatIsNotAnObjectIsRefusedAlone(t *testing.T) {
	for _, member := range []string{`1`, `"x"`, `null`, `[[{}]]`, `true`} {
		batch, err := event.ParseBatch(fmt.Appendf(nil, "[%s,%s]", member, structured()), 2)
		if err != nil || len(batch) != 2 {
			t.Fatalf("%s: got %d events, %v", member, len(batch), err)
		}
		wantFaults(t, batch[0].Err, "/0", "must be a JSON object")
		equal(t, batch[1], event.Decoded{Event: good()})
	}
}

func TestBatchOfMoreThanTheLimitIsRefusedWhole(t *testing.T) {
	body := func(n int) []byte {
		return fmt.Appendf(nil, "[%s]", bytes.Join(slicesRepeat(structured(), n), []byte(",")))
	}
	if batch, err := event.ParseBatch(body(1000), 1000); err != nil || len(batch) != 1000 {
		t.Errorf("1,000 events: got %d, %v", len(batch), err)
	}
	if batch, err := event.ParseBatch(body(1001), 1000); !errors.Is(err, event.ErrTooMany) || batch != nil {
		t.Errorf("1,001 events: got %d, %v", len(batch), err)
	}
}

func slicesRepeat(b []byte, n int) [][]byte {
	all := make([][]byte, n)
	for i := range all {
		all[i] = b
	}
	return all
}

func TestBodiesThatAreNoJSONSayWhereAndWhy(t *testing.T) {
	one := string(structured())
	tests := map[string]struct {
		body   string
		batch  bool
		offset int64
		detail string
	}{
		"nothing":                          {"", false, 0, "is empty"},
		"nothing but space":                {" \n", true, 0, "is empty"},
		"no JSON":                          {"{", false, 1, "not valid JSON"},
		"an object that is cut":            {one[:len(one)-4], false, int64(len(one) - 4), "too early"},
		"a member without a value":         {`{"id":}`, false, 6, "not valid JSON"},
		"a name that is not a string":      {`{1:2}`, false, 1, "not valid JSON"},
		"a trailing comma":                 {`{"id":"a",}`, false, 9, "not valid JSON"},
		"two values":                       {one + one, false, int64(len(one)) + 1, "one value only"},
		"text after the value":             {one + " x", false, int64(len(one)) + 1, "not valid JSON"},
		"an array instead of an event":     {"[" + one + "]", false, 0, "must be a JSON object"},
		"a string instead of an event":     {`"x"`, false, 0, "must be a JSON object"},
		"a batch that is one event":        {one, true, 0, "must be a JSON array"},
		"a batch that is cut":              {"[" + one + ",", true, int64(len(one)) + 2, "too early"},
		"a batch with a trailing comma":    {"[" + one + ",]", true, int64(len(one)) + 1, "not valid JSON"},
		"a batch with no comma":            {"[" + one + one + "]", true, int64(len(one)) + 1, "not valid JSON"},
		"a batch of which one is cut":      {"[" + one + ",{]", true, int64(len(one)) + 3, "not valid JSON"},
		"a batch with something behind it": {"[" + one + "]]", true, int64(len(one)) + 2, "not valid JSON"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var err error
			if test.batch {
				var batch []event.Decoded
				if batch, err = event.ParseBatch([]byte(test.body), 10); len(batch) > 0 {
					t.Errorf("%d events came back", len(batch))
				}
			} else {
				_, err = event.ParseStructured([]byte(test.body))
			}
			var syntax *event.SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("error is %v", err)
			}
			if syntax.Offset != test.offset || !strings.Contains(syntax.Error(), test.detail) {
				t.Errorf("says %q; want %q at byte %d", err, test.detail, test.offset)
			}
		})
	}
}

func TestAnEventOfABatchThatIsNestedTooDeeplyIsRefusedAlone(t *testing.T) {
	deep := strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)
	for _, bad := range []string{deep, string(structured(change{"data", deep}))} {
		batch, err := event.ParseBatch(fmt.Appendf(nil, "[%s,%s]", bad, structured()), 2)
		if err != nil || len(batch) != 2 {
			t.Fatalf("got %d events, %v", len(batch), err)
		}
		wantFaults(t, batch[0].Err, "/0", "nested too deeply")
		equal(t, batch[1], event.Decoded{Event: good()})
	}
}

// The Kafka binding chooses the mode by content type, so data with such a type would be read as an event.
func TestDataThatSaysThatItIsAnEventIsRefusedHoweverItIsWritten(t *testing.T) {
	inner := `{"specversion":"1.0","id":"inner","source":"/inner","type":"admin.delete"}`
	for _, media := range []string{
		"application/cloudevents+json", "Application/CloudEvents+JSON", "application/cloudevents+json; charset=utf-8",
		"application/cloudevents-batch+json", "application/cloudevents+xml", "application/cloudeventsfoo",
		"application/cloudevents",
		" application/cloudevents+json", "\u00a0application/cloudevents+json",
	} {
		for name, data := range map[string]change{
			"data": {"data", inner}, "text": {"data", `"` + strings.ReplaceAll(inner, `"`, `\"`) + `"`},
			"Base64": {"data_base64", `"e30="`}, "nothing": {"data", ""},
		} {
			changes := []change{{"datacontenttype", `"` + media + `"`}, data}
			if name == "Base64" {
				changes = append(changes, change{"data", ""})
			}
			_, err := event.ParseStructured(structured(changes...))
			if !strings.Contains(fmt.Sprint(err), "must not begin with application/cloudevents") {
				t.Errorf("%s as %s in structured mode: %v", media, name, err)
			}
		}
		_, err := event.ParseBinary(media, headers(), []byte(inner))
		wantFaults(t, err, "content-type", "must not begin")
		batch, err := event.ParseBatch(
			fmt.Appendf(nil, "[%s]", structured(change{"datacontenttype", `"` + media + `"`}, change{"data", `"x"`})), 1)
		if err != nil || batch[0].Err == nil {
			t.Errorf("%s in a batch: %v", media, err)
		}
	}
}
