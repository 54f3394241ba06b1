package compat

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func TestBreakingChangesAreFound(t *testing.T) {
	const old = `{"type":"object","required":["a"],"properties":{"a":{"type":"string","enum":["x","y"]},` +
		`"n":{"type":"integer","minimum":1,"maximum":9},"l":{"items":{"type":"string"}}}}`
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
		{"closed members", `{"additionalProperties":false,"properties":{"a":{},"n":{},"l":{}}}`,
			"#: other members are restricted now"},
		{"items of another type", `{"properties":{"l":{"items":{"type":"integer"}}}}`,
			"#/properties/l/items: type string is no longer allowed"},
		{"a member that is dropped and closed out", `{"additionalProperties":false,"properties":{"a":{},"n":{}}}`,
			"#/properties/l: is no longer allowed"},
		{"a member that falls under a schema for all others",
			`{"additionalProperties":{"type":"string"},"properties":{"n":{},"l":{}}}`, "#: other members are restricted now"},
		{"a member that is forbidden", `{"properties":{"a":false}}`, "#/properties/a: is no longer allowed"},
		{"items that are forbidden", `{"properties":{"l":{"items":false}}}`, "#/properties/l/items: is no longer allowed"},
		{"anything goes", `{"properties":{"a":true,"l":{"items":true}}}`, ""},
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

func TestEachModeProtectsItsReaders(t *testing.T) {
	old := map[string]any{"required": []any{"a"}, "properties": map[string]any{"n": map[string]any{"maximum": 9.0}}}
	updated := map[string]any{"properties": map[string]any{"n": map[string]any{"maximum": 5.0}}}
	backward, forward := "backward: #/properties/n: maximum is 5 now", "forward: #: a has become required"
	for mode, want := range map[Mode][]string{Backward: {backward}, Forward: {forward}, Full: {backward, forward}} {
		if got := Check(mode, old, updated); !slices.Equal(got, want) {
			t.Errorf("%s finds %q, want %q", mode, got, want)
		}
	}
}

var seedFlag = flag.Uint64("seed", 0, "seed of the random schemas; 0: a new one")

// What is said to break nothing breaks nothing: for random schemas, an event that only the old one takes is looked for.
func TestNoEventBreaksWhereNoBreakIsFound(t *testing.T) {
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("repeat with -seed=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	compared := 0
	for range 4000 {
		old := randomSchema(random, 2)
		updated := randomSchema(random, 2)
		if random.IntN(2) == 0 { // two random schemas nearly always differ by a break: often start from the old one
			updated = changed(random, old)
		}
		if len(Breaks(old, updated)) > 0 || namesMore(old, updated) {
			continue
		}
		compared++
		before, after := compiled(t, old), compiled(t, updated)
		for range 20 {
			if v := randomValue(random, 3); before.Validate(v) == nil && after.Validate(v) != nil {
				t.Fatalf("%s is valid by %s, and not by %s", text(v), text(old), text(updated))
			}
		}
	}
	if compared < 100 {
		t.Fatalf("only %d pairs of schemas had no break, which proves little", compared)
	}
}

// namesMore tells whether updated names a member somewhere that old does not: the exception that Breaks documents.
func namesMore(old, updated any) bool {
	was, now := object(old), object(updated)
	for name, schema := range object(now["properties"]) {
		before, named := object(was["properties"])[name]
		if !named || namesMore(before, schema) {
			return true
		}
	}
	for _, keyword := range []string{"items", "additionalProperties"} {
		if now[keyword] != nil && namesMore(was[keyword], now[keyword]) {
			return true
		}
	}
	for name := range object(was["properties"]) { // what is dropped falls under additionalProperties
		if _, kept := object(now["properties"])[name]; !kept &&
			namesMore(object(was["properties"])[name], now["additionalProperties"]) {
			return true
		}
	}
	return false
}

var keywords = []string{"type", "required", "enum", "minimum", "maximum", "maxLength", "items", "additionalProperties",
	"minProperties", "patternProperties", "title"}

// randomSchema always names the members a and b, so that none is new.
func randomSchema(random *rand.Rand, depth int) map[string]any {
	s := map[string]any{}
	if depth == 0 {
		return s
	}
	s["properties"] = map[string]any{"a": subschema(random, depth), "b": subschema(random, depth)}
	for range random.IntN(3) {
		keyword := keywords[random.IntN(len(keywords))]
		s[keyword] = randomKeyword(random, keyword, depth)
	}
	return s
}

func subschema(random *rand.Rand, depth int) any {
	if n := random.IntN(8); n < 2 {
		return n == 0
	}
	return randomSchema(random, depth-1)
}

func randomKeyword(random *rand.Rand, keyword string, depth int) any {
	pick := func(from ...any) any { return from[random.IntN(len(from))] }
	switch keyword {
	case "type":
		return pick("integer", "number", "string", "object", []any{"object", "array"}, []any{"integer", "string", "null"})
	case "required":
		return pick([]any{"a"}, []any{"b"}, []any{"a", "b"})
	case "enum":
		return pick([]any{1.0, "x"}, []any{1.0}, []any{"x", "yy", map[string]any{}})
	case "items", "additionalProperties":
		return subschema(random, depth)
	case "patternProperties":
		return map[string]any{"^a": randomSchema(random, depth-1)}
	case "title":
		return "t"
	}
	return float64(random.IntN(3))
}

func changed(random *rand.Rand, old map[string]any) map[string]any {
	var s map[string]any
	_ = json.Unmarshal([]byte(text(old)), &s)
	keyword := append(keywords, "properties")[random.IntN(len(keywords)+1)]
	switch {
	case keyword == "properties" && random.IntN(2) == 0:
		if members, ok := s["properties"].(map[string]any); ok {
			delete(members, "b")
		}
	case random.IntN(2) == 0:
		delete(s, keyword)
	case keyword != "properties":
		s[keyword] = randomKeyword(random, keyword, 1)
	}
	return s
}

func randomValue(random *rand.Rand, depth int) any {
	switch n := random.IntN(9); {
	case n < 3 && depth > 0:
		m := map[string]any{}
		for _, name := range []string{"a", "b"} {
			if random.IntN(3) > 0 {
				m[name] = randomValue(random, depth-1)
			}
		}
		return m
	case n == 3 && depth > 0:
		return []any{randomValue(random, depth-1)}
	case n == 4:
		return "x"
	case n == 5:
		return "yy"
	case n == 6:
		return 1.5
	case n == 7:
		return nil
	}
	return float64(random.IntN(3))
}

func compiled(t *testing.T, schema map[string]any) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader([]byte(text(schema))))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("s.json", document); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("s.json")
	if err != nil {
		t.Fatalf("%s: %v", text(schema), err)
	}
	return s
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(err)
	}
	return string(b)
}
