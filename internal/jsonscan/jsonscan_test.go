package jsonscan_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"event-processing-service/internal/jsonscan"
)

func TestNumbersEndWhereRFC8259Section6EndsThem(t *testing.T) {
	for text, want := range map[string]int{
		"0": 1, "-0": 2, "01": 1, "10,": 2, "-12.50e+3]": 9, "1E5": 3, "1e-07]": 5, "0.0": 3, "0e0": 3,
		"": 0, "-": 0, "+1": 0, ".5": 0, "1.": 0, "1.e1": 0, "1e": 0, "1e+": 0, "-x": 0, "x": 0, "1.5.5": 3,
	} {
		if got := jsonscan.Number([]byte(text)); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

func TestEscapesAreThoseOfRFC8259Section7(t *testing.T) {
	for text, want := range map[string]int{
		`\"`: 2, `\\`: 2, `\/`: 2, `\b`: 2, `\f`: 2, `\n`: 2, `\r`: 2, `\tx`: 2, `\u00e9`: 6, `\uABCDE`: 6, `\ud800`: 6,
		``: 0, `\`: 0, `x`: 0, `\x41`: 0, `\u12`: 0, `\u12g4`: 0, `\u00:0`: 0, `\U0041`: 0, `\u00@0`: 0,
	} {
		if got := jsonscan.Escape([]byte(text)); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}

func TestLiteralsAreThreeWords(t *testing.T) {
	for text, want := range map[string]int{"true": 4, "false,": 5, "nullx": 4, "True": 0, "tru": 0, "": 0, "nil": 0} {
		if got := jsonscan.Literal([]byte(text)); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

func TestSpaceIsOfFourKinds(t *testing.T) {
	for text, want := range map[string]int{"": 0, "x": 0, " \t\r\n": 4, " \n{": 2, "\v": 0, "\u00a0": 0} {
		if got := jsonscan.Space([]byte(text)); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

// Every byte value stands at every place of a word, beside bytes that are likely to lend it or borrow from it.
func TestPlainStopsAtTheFirstByteThatIsNot(t *testing.T) {
	for _, beside := range []byte{'a', ' ', '!', '#', '[', ']', 0x7f, '"', 0x80, 0x00, 0x1f, 0xff} {
		for c := range 256 {
			for at := range 20 {
				text := append(append(bytes.Repeat([]byte("a"), at), byte(c)), bytes.Repeat([]byte{beside}, 20-at)...)
				want := 0
				for want < len(text) && text[want] >= ' ' && text[want] != '"' && text[want] != '\\' && text[want] < 0x80 {
					want++
				}
				if got := jsonscan.Plain(text); got != want {
					t.Fatalf("%q: %d, want %d", text, got, want)
				}
			}
		}
	}
}

func FuzzNumbersAreThoseOfEncodingJSON(f *testing.F) {
	f.Add("-12.50e+3")
	f.Fuzz(func(t *testing.T, text string) {
		whole := len(text) > 0 && jsonscan.Number([]byte(text)) == len(text)
		_, isNumber := decode(text).(json.Number)
		if strings.TrimSpace(text) == text && whole != isNumber {
			t.Errorf("%q is a number: %t, for encoding/json %t", text, whole, isNumber)
		}
	})
}

func decode(text string) (v any) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if d.Decode(&v) != nil || d.More() || int(d.InputOffset()) != len(text) {
		return nil
	}
	return v
}

func TestAValueEndsWhereTheDecoderEndsIt(t *testing.T) {
	for text, want := range map[string]int{
		`{}`: 2, `[]x`: 2, ` [ ] `: 4, `{"a":[1,{"b":"c\"}"}],"d":null} ,`: 31, `1,2`: 1, `"\ud800"`: 8, "\"\xff\"": 3,
		`{"":0}]`: 6,
		``:        0, ` `: 0, `{`: 0, `[1`: 0, `[1,`: 0, `[1,]`: 0, `{"a"}`: 0, `{"a":1,}`: 0, `{1:2}`: 0, `[}`: 0,
		`{"a":]`: 0, `"a`: 0, `"\x"`: 0,
		"\"\n\"": 0, `nul`: 0, `[1 2]`: 0, `]`: 0, `,`: 0,
	} {
		if got := jsonscan.Value([]byte(text)); got != want {
			t.Errorf("%s ends at %d, want %d", text, got, want)
		}
	}
	deep := strings.Repeat(`[{"a":`, 1<<20) + "1" + strings.Repeat("}]", 1<<20)
	if got := jsonscan.Value([]byte(deep)); got != len(deep) {
		t.Errorf("nesting of any depth ends at %d, want %d", got, len(deep))
	}
}

func FuzzValuesAreThoseOfTheDecoder(f *testing.F) {
	for _, seed := range []string{`{"a":[1,{"b":"c\"}"}],"d":null} ,`, `[[[]]]`, `{"a":1,"a":"\ud800"}`, `[1,]`,
		"\"\xff\" "} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d := jsontext.NewDecoder(bytes.NewBuffer(bytes.Clone(text)), jsontext.AllowDuplicateNames(true),
			jsontext.AllowInvalidUTF8(true))
		want := 0
		if _, err := d.ReadValue(); err == nil {
			want = int(d.InputOffset())
		}
		got := jsonscan.Value(text)
		if b := min(got, want); got != want && b == 0 && bytes.Count(text, []byte("[")) < 5000 &&
			bytes.Count(text, []byte("{")) < 5000 || got != want && b > 0 {
			t.Fatalf("ends at %d, for the decoder at %d", got, want)
		}
	})
}
