package programtest

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// bytesAsNumbers is the value of a header in Lambda's form.
func bytesAsNumbers(s string) string {
	return strings.ReplaceAll(fmt.Sprintf("%d", []byte(s)), " ", ",")
}

// record is an invocation with one event.
func record(eventType string) []byte { return records(eventType, 1) }

// recordWith is an invocation with one event that has additional headers: name, value, name, value, …
func recordWith(eventType string, more ...string) []byte { return records(eventType, 1, more...) }

// records is an invocation with n events, whose ids are their offsets.
func records(eventType string, n int, more ...string) []byte {
	var all []string
	for offset := 1; offset <= n; offset++ {
		headers := []string{}
		for h := range slices.Chunk(append([]string{"ce_specversion", "1.0", "ce_id", strconv.Itoa(offset),
			"ce_source", "/s", "ce_type", eventType}, more...), 2) {
			headers = append(headers, fmt.Sprintf(`{%q:%s}`, h[0], bytesAsNumbers(h[1])))
		}
		all = append(all, fmt.Sprintf(`{"topic":"events","partition":0,"offset":%d,"value":%q,"headers":[%s]}`, offset,
			base64.StdEncoding.EncodeToString([]byte("x")), strings.Join(headers, ",")))
	}
	return fmt.Appendf(nil, `{"records":{"events-0":[%s]}}`, strings.Join(all, ","))
}
