package schemas

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func embedded(t *testing.T) *Set {
	t.Helper()
	set, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestEachViolationIsPlacedAndSaysWhatWasExpected(t *testing.T) {
	got := map[string]string{}
	for _, v := range embedded(t).Validate("order.placed", []byte(`{"order_id":"","amount":-1.5,"placed_at":"yesterday"}`)) {
		got[v.Pointer] += v.Expected + "; "
	}
	want := map[string]string{
		"":           "missing property 'currency'; ",
		"/order_id":  "minLength: got 0, want 1; ",
		"/amount":    "got number, want integer; ",
		"/placed_at": got["/placed_at"], // the library's words for why it is no date
	}
	if diff := cmp.Diff(want, got); diff != "" || got["/placed_at"] == "" {
		t.Errorf("violations (-want +got):\n%s", diff)
	}
}

func TestDataThatFitsOrHasNoSchemaHasNoViolations(t *testing.T) {
	set := embedded(t)
	if v := set.Validate("order.placed", []byte(`{"order_id":"1","amount":1,"currency":"EUR","more":true}`)); v != nil {
		t.Errorf("data that fits: %v", v)
	}
	if v := set.Validate("unheard.of", []byte(`1`)); v != nil {
		t.Errorf("a type without a schema: %v", v)
	}
}

func TestDataThatIsMissingOrNoJSONIsAViolation(t *testing.T) {
	for _, data := range [][]byte{nil, {}, []byte(`{"a"`)} {
		if v := embedded(t).Validate("order.placed", data); len(v) != 1 || v[0].Pointer != "" {
			t.Errorf("%q: %v", data, v)
		}
	}
}

func TestASchemaThatIsBrokenOrNeedsAnotherFileIsRefused(t *testing.T) {
	for _, source := range []string{`{`, `{"type":"nothing"}`, `{"$ref":"https://example.com/other.json"}`, `{"$ref":"file:///etc/hostname"}`} {
		if _, err := Load(fstest.MapFS{"t.json": {Data: []byte(source)}}); err == nil {
			t.Errorf("%s is taken", source)
		}
	}
}

// A type that is released may change only so that its old events stay valid. When a change is released on purpose, copy
// the file to released/.
func TestNoSchemaBreaksEventsThatItsLastReleaseTook(t *testing.T) {
	released, err := filepath.Glob("released/*.json")
	if err != nil || len(released) == 0 {
		t.Fatalf("no released schemas: %v", err)
	}
	for _, path := range released {
		updated := parse(t, filepath.Base(path))
		for _, b := range Breaks(parse(t, path), updated) {
			t.Errorf("%s %s", filepath.Base(path), b)
		}
	}
}

func parse(t *testing.T, path string) (schema map[string]any) {
	t.Helper()
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("a released schema must stay: %v", err)
	}
	if err := json.Unmarshal(source, &schema); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return schema
}

func TestBreakingChangesAreFound(t *testing.T) {
	const old = `{"type":"object","required":["a"],"properties":{"a":{"type":"string","enum":["x","y"]},"n":{"type":"integer","minimum":1,"maximum":9},"l":{"items":{"type":"string"}}}}`
	for _, c := range []struct{ name, updated, want string }{
		{"nothing", old, ""},
		{"a description", `{"description":"d","type":"object","required":["a"],"properties":{"a":{"type":"string"}}}`, ""},
		{"fewer rules", `{}`, ""},
		{"a wider type", `{"type":["object","null"],"properties":{"n":{"type":"number","minimum":0}}}`, ""},
		{"a value more", `{"properties":{"a":{"enum":["z","y","x"]}}}`, ""},
		{"a required member", `{"required":["a","n"]}`, "#: n has become required"},
		{"another type", `{"properties":{"n":{"type":"string"}}}`, "#/properties/n: type integer is no longer allowed"},
		{"a value less", `{"properties":{"a":{"enum":["x"]}}}`, "#/properties/a: the value y is no longer allowed"},
		{"a higher minimum", `{"properties":{"n":{"minimum":2}}}`, "#/properties/n: minimum is 2 now"},
		{"a new maximum", `{"properties":{"a":{"maxLength":5}}}`, "#/properties/a: maxLength is 5 now"},
		{"a pattern", `{"properties":{"a":{"pattern":"x"}}}`, "#/properties/a: pattern has changed"},
		{"closed members", `{"additionalProperties":false,"properties":{"a":{},"n":{},"l":{}}}`, "#: other members are restricted now"},
		{"items of another type", `{"properties":{"l":{"items":{"type":"integer"}}}}`, "#/properties/l/items: type string is no longer allowed"},
		{"a keyword that is not known", `{"if":{}}`, "#: if has changed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var before, after map[string]any
			if err := json.Unmarshal([]byte(old), &before); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(c.updated), &after); err != nil {
				t.Fatal(err)
			}
			got := ""
			if breaks := Breaks(before, after); len(breaks) > 0 {
				got = breaks[0]
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
