package terminal

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode"
)

func TestWhatATerminalWouldObeyIsEscaped(t *testing.T) {
	for text, want := range map[string]string{
		"plain, ü, 😀, \ttab\n":              "plain, ü, 😀, \ttab\n",
		"\x1b]52;c;cm0gLXJm\x07":            `\u001b]52;c;cm0gLXJm\u0007`,
		"overwrite\rthe line\b":             `overwrite\u000dthe line\u0008`,
		"\u009b31m C1":                      `\u009b31m C1`,
		"\x9b31m, a byte of its own":        `\x9b31m, a byte of its own`,
		"a\u202ebc\u2066d\u061ce\u200f":     `a\u202ebc\u2066d\u061ce\u200f`,
		"\x7f \u2028 \u2029":                `\u007f \u2028 \u2029`,
		"family \U0001F468\u200d\U0001F469": "family \U0001F468\u200d\U0001F469", // a joiner only shows
	} {
		var out bytes.Buffer
		if n, err := Writer(&out).Write([]byte(text)); n != len(text) || err != nil || out.String() != want {
			t.Errorf("%q is written as %q (%d, %v), want %q", text, out.String(), n, err, want)
		}
	}
}

func TestALineStaysOneLine(t *testing.T) {
	if got := Line("a\nprocessed  forged\xe2\x80"); got != `a\u000aprocessed  forged\xe2\x80` {
		t.Errorf("got %q", got)
	}
}

func TestEscapedJSONIsTheSameJSON(t *testing.T) {
	want := "\u009b \u202e \x1b ü \u2028"
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := Writer(&out).Write(text); err != nil {
		t.Fatal(err)
	}
	var got string
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got != want {
		t.Errorf("%s reads as %q, %v", out.Bytes(), got, err)
	}
}

func FuzzWriterLeavesNothingToObeyHoweverItIsCut(f *testing.F) {
	f.Add("a\u009b\xffü😀\x1b[2J", 3)
	f.Fuzz(func(t *testing.T, text string, at int) {
		at = min(max(at, 0), len(text))
		var whole, parts bytes.Buffer
		_, _ = Writer(&whole).Write([]byte(text))
		w := Writer(&parts)
		_, _ = w.Write([]byte(text[:at]))
		_, _ = w.Write([]byte(text[at:]))
		if whole.String() != parts.String() {
			t.Errorf("cut at %d it is %q, else %q", at, parts.String(), whole.String())
		}
		for _, r := range whole.String() {
			if r == unicode.ReplacementChar && !bytes.ContainsRune([]byte(text), r) || r != '\n' && r != '\t' && commands(r) {
				t.Errorf("%q leaves %q", text, r)
			}
		}
	})
}
