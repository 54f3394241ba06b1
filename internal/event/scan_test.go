package event

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The scanner reads plainEvents itself; it may leave oddEvents to the decoder.
var (
	plainEvents = []string{
		`{"specversion":"1.0","id":"1","source":"/s","type":"t"}`,
		` { "specversion" : "1.0" , "id" : "1" , "source" : "/s" , "type" : "t" , "data" : [ 1 , { } , [ ] ] } `,
		`{"specversion":"1.0","id":"a longer one, with \u00e9 \ud83d\ude00 \n é 😀 in ` +
			`it","source":"/s","type":"t","data":{"a":{"b":[true,false,null,-0.5e+3,12]}}}`,
		`{"specversion":"1.0","id":"1","source":"/s","type":"t","ext":7,"flag":true,"subject":null,"data_base64":"AA=="}`,
		`{"specversion":"1.0","source":"nothing else"}`,
		`{}`,
	}
	oddEvents = []string{
		``, ` `, `x`, `[`, `[]x`, `{`, `{"a"`, `{"a":`, `{"a":}`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{"a":1}}`, `{a:1}`,
		`{"a" 1}`, `{,}`, "\ufeff{}",
		`{"a":01}`, `{"a":+1}`, `{"a":-}`, `{"a":1.}`, `{"a":.5}`, `{"a":1e}`, `{"a":1e+}`, `{"a":0x1}`, `{"a":1 2}`,
		`{"a":nul}`, `{"a":nulll}`, `{"a":True}`,
		`{"a":"\ud800"}`, `{"a":"\udc00\ud800"}`, `{"a":"\ud800\ud800"}`, `{"a":"\ud800x"}`, `{"a":"\u12"}`, `{"a":"\u12g4"}`,
		`{"a":"\x"}`, `{"a":"\`, `{"a":"\u`,
		"{\"a\":\"\xff\"}", "{\"a\":\"1234567\xc3\"}", "{\"\xff\":1}", "{\"a\":\"\x00\"}", "{\"a\":\"1234567\n\"}",
		"{\"a\":\"\x7f\"}", "{\"a\":[\"\xed\xa0\x80\"]}",
		`{"a":[1,]}`, `{"a":[,1]}`, `{"a":[1 1]}`, `{"a":{"b":1,}}`, `{"a":{"b"}}`, `{"a":{1:1}}`, `{"a":[1}`,
		`{"a":{"b":1]}`,
		`{"data":` + strings.Repeat("[", maxNesting+5) + strings.Repeat("]", maxNesting+5) + `}`,
		`{"specversion":"1.0","specversion":"1.0"}`,
	}
)

func TestTheScannerReadsPlainEventsItself(t *testing.T) {
	for _, body := range plainEvents {
		if _, ok := scanOne([]byte(body), nil); !ok {
			t.Errorf("left to the decoder: %s", body)
		}
		if batch, ok := scanBatch([]byte("["+body+","+body+"]"), 2); !ok || len(batch) != 2 {
			t.Errorf("left to the decoder: a batch of %s", body)
		}
	}
	if batch, ok := scanBatch([]byte(" [ ] "), 2); !ok || len(batch) != 0 {
		t.Error("left to the decoder: an empty batch")
	}
}

// The scanner may refuse what the decoder accepts, but never the other way round, and both read the same event.
func FuzzScannerTakesNothingThatTheDecoderRefuses(f *testing.F) {
	for _, body := range append(plainEvents, oddEvents...) {
		f.Add([]byte(body))
		f.Add([]byte("[" + body + "," + body + "]"))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if got, ok := scanOne(body, nil); ok {
			want, err := decodeOne(body, nil)
			if err != nil {
				t.Fatalf("the decoder refuses it: %v", err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("another event (-decoder +scanner):\n%s", diff)
			}
		}
		defaults := Defaults{ID: func() string { return "made" }, Source: "/s", Time: "2026-01-31T12:00:00Z"}
		if got, ok := scanOne(body, &defaults); ok {
			want, err := decodeOne(body, &defaults)
			if err != nil {
				t.Fatalf("the decoder refuses the plain event: %v", err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("another plain event (-decoder +scanner):\n%s", diff)
			}
		}
		if got, ok := scanBatch(body, 3); ok {
			want, err := decodeBatch(body, 3)
			if err != nil {
				t.Fatalf("the decoder refuses the batch: %v", err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("another batch (-decoder +scanner):\n%s", diff)
			}
		}
	})
}
