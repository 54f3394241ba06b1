package typegen_test

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"event-processing-service/schemas"
	"event-processing-service/schemas/typegen"
)

var update = flag.Bool("update", false, "write the types of testdata")

func generated(t *testing.T, dir fs.FS, pkg string) string {
	t.Helper()
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	module, _, _ := strings.Cut(strings.TrimPrefix(string(mod), "module "), "\n")
	source, err := typegen.Generate(dir, pkg, module)
	if err != nil {
		t.Fatal(err)
	}
	return string(source)
}

// The golden is compiled with this test, so what it shows is Go.
func TestTheTypesOfTheExampleAreThoseOfItsGolden(t *testing.T) {
	const golden = "types_gen_test.go"
	got := generated(t, os.DirFS("testdata"), "typegen_test")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("go test ./schemas/typegen -update (-want +got):\n%s", diff)
	}
}

func TestTheTypesOfTheServiceAreThoseOfItsSchemas(t *testing.T) {
	for dir, pkg := range map[string]string{"..": "schemas", "../../examples/orders": "orders"} {
		is, err := os.ReadFile(filepath.Join(dir, "types_gen.go"))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(generated(t, os.DirFS(dir), pkg), string(is)); diff != "" {
			t.Errorf("the types of package %s are out of date: go generate there (-want +got):\n%s", pkg, diff)
		}
	}
}

func TestDataGoesThroughItsTypeDigitForDigit(t *testing.T) {
	const data = `{"amount":12345678901234567.10,"anything":[1e400],"count":9007199254740993,"due":"2024-02-29",` +
		`"either":7,"lines":[{"sku":"a","tags":[0.10]}],"note":"x","order_id":"1","parent":{"city":"Ulm"},` +
		`"placed_at":"2026-01-31T12:00:00.5Z","prices":{"x":0.10}}`
	set, err := schemas.Load(os.DirFS("testdata"))
	if err != nil {
		t.Fatal(err)
	}
	if v := set.Validate("order.created", []byte(data)); v != nil {
		t.Fatalf("the data breaks its schema: %v", v)
	}
	var order OrderCreated
	if err := json.Unmarshal([]byte(data), &order); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(order, json.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(data, string(again)); diff != "" {
		t.Errorf("(-went +came):\n%s", diff)
	}
	if want := (schemas.Date{Year: 2024, Month: time.February, Day: 29}); order.Due != want {
		t.Errorf("due is %v, want %v", order.Due, want)
	}
	if got := order.Amount.Rat().FloatString(2); got != "12345678901234567.10" {
		t.Errorf("amount is %s", got)
	}
}

func TestValuesThatAreNeitherDatesNorDecimalsAreRefused(t *testing.T) {
	for _, data := range []string{
		`{"due":"2026-02-30"}`, `{"due":"2026-1-1"}`, `{"due":7}`, `{"amount":"1"}`, `{"amount":null}`, `{"amount":1e999999}`,
	} {
		var order OrderCreated
		if err := json.Unmarshal([]byte(data), &order); err == nil {
			t.Errorf("%s is taken as %+v", data, order)
		}
	}
	if text, err := json.Marshal(schemas.Decimal("")); err != nil || string(text) != "0" {
		t.Errorf("no digits are written as %s, %v", text, err)
	}
}

func TestSchemasThatMakeNoTypesAreRefused(t *testing.T) {
	for schema, want := range map[string]string{
		`{"properties":{"a_b":{},"a.b":{}}}`:         "would both be the field AB",
		`{"properties":{"a":{"$ref":"other.json"}}}`: "is neither # nor one of #/$defs/",
		`{"properties":{"a\"b":{}}}`:                 "can't be a field",
		`{"type":"decimal"}`:                         "none of JSON Schema's",
		`{`:                                          "read schema t.json",
		`{"properties":{"a":{"properties":{"b":{}}}},"$defs":{"a":{"properties":{"b":{}}}},"items":{}}`: "",
	} {
		_, err := typegen.Generate(fstest.MapFS{"t.json": {Data: []byte(schema)}}, "p", "m")
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", schema, err, want)
		}
	}
	two := fstest.MapFS{"a.json": {Data: []byte(`{"properties":{"b":{"properties":{"c":{}}}}}`)},
		"a.b.json": {Data: []byte(`{}`)}}
	if _, err := typegen.Generate(two, "p", "m"); err == nil ||
		!strings.Contains(err.Error(), "two types would be named AB") {
		t.Errorf("two types of one name: %v", err)
	}
	if _, err := typegen.Generate(fstest.MapFS{}, "p", "m"); err == nil {
		t.Error("no schemas are taken")
	}
}
