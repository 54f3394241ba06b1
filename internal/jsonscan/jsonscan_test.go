package jsonscan_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

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
