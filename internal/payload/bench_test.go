package payload

import (
	"fmt"
	"strings"
	"testing"
)

// benchPayload has 100 records as the API writes them: seven headers, a value of some 130 bytes, no key.
func benchPayload() []byte {
	numbers := func(s string) string {
		return strings.ReplaceAll(strings.Trim(fmt.Sprintf("%d", []byte(s)), "[]"), " ", ",")
	}
	value := base64Of(
		[]byte(`{"order":"1234567","customer":"01890a5d-ac96-774b-bcce-b302099a8057",` +
			`"lines":[{"sku":"A-1","n":1},{"sku":"B-2","n":20}],"total":12.30}`))
	var records []string
	for i := range 100 {
		record := fmt.Sprintf(
			`{"topic":"events","partition":0,"offset":%d,"timestamp":1770000000000,`+
				`"timestampType":"CREATE_TIME","value":"%s","headers":[`, i, value)
		for j, h := range [][2]string{
			{"ce_specversion", "1.0"}, {"ce_id", fmt.Sprint("order-", i)}, {"ce_source", "/bench/orders"},
			{"ce_type", "order.created"},
			{"ce_time", "2026-01-31T12:00:00Z"}, {"content-type", "application/json"},
			{"x-request-id", "01890a5d-ac96-774b-bcce-b302099a8057"},
		} {
			record += fmt.Sprintf(`%.*s{"%s":[%s]}`, min(j, 1), ",", h[0], numbers(h[1]))
		}
		records = append(records, record+"]}")
	}
	return []byte(`{"eventSource":"aws:kafka","records":{"events-0":[` + strings.Join(records, ",") + `]}}`)
}

// BenchmarkParse also measures its lower limit, one reading of the payload that does nothing, and base64 for
// comparison.
func BenchmarkParse(b *testing.B) {
	text := benchPayload()
	b.Run("parse", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Parse(text); err != nil {
				b.Fatal(err)
			}
		}
	})
	batch, err := Parse(text)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("decode", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			for i := range batch.Partitions[0].Records {
				batch.Partitions[0].Records[i].Decode()
			}
		}
	})
}
