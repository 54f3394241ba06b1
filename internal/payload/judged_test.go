package payload

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// oneRecord is a payload with one record of these members.
func oneRecord(members string) string { return `{"records":{"events-0":[{` + members + `}]}}` }

// oneHeaders is a payload with one record that has these headers.
func oneHeaders(headers string) string { return oneRecord(`"headers":` + headers) }

// payloads are payloads that Lambda writes, that people write, and that nobody should write.
func payloads() []string {
	all := []string{
		sample, handWritten, selfManaged,
		// no events
		``, ` `, `null`, ` null `, `nul`, `true`, `0`, `"records"`, `[]`, `{`, `}`, `{}`, ` { } `, `{}{}`, `{} x`, "{}\n",
		`{},`, "\ufeff{}", "{}\x00",
		// of others
		`{"Records":[{"eventSource":"aws:sqs","body":"x"}]}`,
		`{"version":"2.0","routeKey":"$default","headers":{"a":"b"},"isBase64Encoded":false}`,
		`{"records":[]}`, `{"records":"x"}`, `{"records":1}`, `{"records":null}`, `{"records":{"events-0":{}}}`,
		`{"records":{"events-0":null}}`,
		`{"records":{"events-0":[]}}`, `{"records":{"events-0":[null]}}`, `{"records":{"events-0":[1]}}`,
		`{"records":{"events-0":[[]]}}`,
		// punctuation
		`{"records":{"a":[{}{}]}}`, `{"records":{"a":[{},]}}`, `{"records":{"a":[,{}]}}`, `{"records":{"a":[{}]],"b":[]}}`,
		`{"records":{"a":[{}]}`,
		`{"records" {}}`, `{"records":}`, `{records:{}}`, `{"records":{},}`, `{,}`, `{"a":1 "b":2}`, `{"a":[1 2]}`,
		`{"a":[1}}`, `{"a":{"b"}}`, `{"a":tru}`,
		// other members, and known ones of a wrong type
		`{"a":{"b":[1,-0.5e+3,true,false,null,"x\u00e9\"",{}]},"records":{}}`, `{"eventSource":1}`,
		`{"eventSource":null,"bootstrapServers":null,"eventSourceArn":"x"}`,
		`{"a":01}`, `{"a":1.}`, `{"a":.5}`, `{"a":-}`, `{"a":1e}`, `{"a":+1}`, `{"a":1E5}`, `{"a":"` + "\x01" + `"}`,
		`{"a":"\x"}`, `{"a":"\u12"}`, `{"a":"`, `{"a":"\`, `{"a":"\u`,
		`{"a":` + strings.Repeat("[", maxDepth-1) + strings.Repeat("]", maxDepth-1) + `}`,
		`{"a":` + strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth) + `}`,
		// names of members
		`{"RECORDS":{"Events-0":[{"TOPIC":"t","Offset":1,"timeStamp":5,"KEY":"a2V5",` +
			`"vaLue":"dg==","HEADERS":[{"A":[1]},{"a":[2]}],"timestamptype":"x"}]}}`,
		`{"recor\u0064s":{"e\u0076ents-0":[{"\u0074opic":"t"}]}}`, `{"record` + "\u017f" + `":{"a":[{"to` + "\u212a" +
			`pic":"t","` + "\u212a" + `ey":"a2V5"}]}}`,
		// more than once
		`{"records":{"a":[{"offset":1}],"b":[{}]},"records":{"a":[{"offset":2}],"c":[]}}`,
		`{"records":{"a":[{}]},"records":null}`,
		`{"records":{"a":[{"offset":1},{"offset":2}],"a":[{"topic":"t"}]}}`,
		oneRecord(`"topic":"a","topic":"b","key":"a2V5","KEY":null,"timestamp":1,"timestamp":null`),
		oneRecord(`"headers":[{"a":[1]}],"headers":[{"b":[2]}]`), oneRecord(`"headers":[{"a":[1]}],"headers":null`),
		oneRecord(`"headers":[{"a":[1]}],"Headers":[null]`),
	}
	for _, number := range []string{"0", "-0", "1", "-1", "01", "1.0", "1e3", "127", "128", "-128", "-129", "255", "256",
		"2147483647", "2147483648", "-2147483648",
		"999999999999999999", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
		"18446744073709551617", "99999999999999999999", "1" + strings.Repeat("0", 400),
		"null", `"1"`, "true", "[]", "{}", "-", ""} {
		for _, member := range []string{"partition", "offset", "timestamp", "topic", "key", "value", "timestampType",
			"headers", "other"} {
			all = append(all, oneRecord(`"`+member+`":`+number))
		}
		all = append(all, oneHeaders(`[{"h":[`+number+`]}]`), oneHeaders(`[{"h":[1,`+number+`,2]}]`),
			oneHeaders(`[{"h":`+number+`}]`), oneHeaders(`[`+number+`]`), oneHeaders(number))
	}
	for _, text := range []string{"", "a", "a2V5", "a2V5==", "a2U", "a2U=", "a2V=", "a\\nGVzdA==", "{}", "[1]", "1234",
		"12345678", "test_key", "testkey1", "x\\u00e9", "é", "\xff", "a\xe2\x82", "\\ud83d\\ude00",
		"\\ud800", "\\ud800x", "\\ud800\\u0041", "\\udc00", "\\ud800\\ud800\\udc00", "\\/\\b\\f\\n\\r\\t\\\\\\\"", "\\u0000",
		"\x1f", "\x7f", "\u2028", "0123456789abcdef\\n", strings.Repeat("QUJD", 9) + "\"", "a\\"} {
		all = append(all, oneRecord(`"topic":"`+text+`","key":"`+text+`","value":"`+text+`"`),
			oneRecord(`"key":"`+text+`","value":"dmFsdWU="`), oneRecord(`"key":"`+text+`"`),
			oneRecord(`"key":"dGVzdGtleQ==","value":"`+text+`"`), oneRecord(`"`+text+`":1`), oneHeaders(`[{"`+text+`":[1]}]`),
			`{"records":{"`+text+`":[{}]}}`)
	}
	return append(all,
		oneHeaders(`[]`), oneHeaders(`[{}]`), oneHeaders(`[null,{"a":null},{"b":[]},{"c":[ 1 , -2,3 ]},{"d":[
			1]}]`), oneHeaders(`[{"z":[1],"b":[3],"a":[2],"b":[4]},{"y":[5]}]`), oneHeaders(`[{"h":[1,2,3}]`),
		oneHeaders(`[{"h":["]",1]}]`), oneHeaders(`[{"h":[1,]}]`),
		oneHeaders(`[{"h":[-]}]`), oneHeaders(`[{"h":[1000]}]`), oneHeaders(`[{"h":[12,34`), oneHeaders(`[{"h":[12,`),
		oneHeaders(`[{"h":"aGk="}]`), oneHeaders(`{"h":[1]}`), oneHeaders(`[{"h":[[1]]}]`),
	)
}

func TestAPayloadIsReadAsByEncodingJSON(t *testing.T) {
	for _, payload := range payloads() {
		compare(t, []byte(payload))
	}
}

func TestAPayloadThatIsCutOffIsRefusedWhereverItIs(t *testing.T) {
	for _, payload := range []string{sample, handWritten} {
		for end := range strings.LastIndexByte(payload, '}') {
			compare(t, []byte(payload[:end]))
		}
	}
}

// Each byte of a good payload is replaced with each byte that means something in JSON.
func TestAPayloadWithAWrongByteIsReadAsByEncodingJSON(t *testing.T) {
	for at := range len(compact) {
		for _, c := range []byte("{}[]:,\"\\0-e. nN\x00\x7f\xff") {
			changed := []byte(compact)
			changed[at] = c
			compare(t, changed)
		}
	}
}

func TestLargeBatchesAreReadAsByEncodingJSON(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 2))
	text := func(max int) []byte {
		b := make([]byte, dice.IntN(max))
		for i := range b {
			b[i] = byte(dice.Uint32())
		}
		return b
	}
	for range 5 {
		in := events.KafkaEvent{Records: map[string][]events.KafkaRecord{}}
		for i := range dice.IntN(2000) {
			r := events.KafkaRecord{Topic: fmt.Sprint("topic-", i/500), Partition: dice.Int64N(3), Offset: int64(i),
				Key: base64Of(text(20)), Value: base64Of(text(300))}
			r.Timestamp.Time = time.UnixMilli(dice.Int64N(2e12))
			for h := range dice.IntN(12) { // so that pieces of the arena end within records, and values are longer than a piece
				long := 60
				if dice.IntN(1000) == 0 {
					long = 3 * maxBytes
				}
				r.Headers = append(r.Headers, map[string]events.JSONNumberBytes{fmt.Sprint("h", h*dice.IntN(2)): text(long)})
			}
			name := fmt.Sprint(r.Topic, r.Partition)
			in.Records[name] = append(in.Records[name], r)
		}
		payload, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, payload)
	}
}

func FuzzParse(f *testing.F) {
	for _, payload := range payloads() {
		if len(payload) < 2000 { // deep values take long
			f.Add([]byte(payload))
		}
	}
	f.Fuzz(func(t *testing.T, payload []byte) { compare(t, payload) })
}
