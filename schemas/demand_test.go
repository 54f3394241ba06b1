package schemas

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

func TestNoDemandRepeatsAValueOfTheData(t *testing.T) {
	for schema, want := range map[string]string{
		`{"type":"integer"}`:                     "want integer, not string",
		`{"enum":["a","b"]}`:                     `want one of ["a","b"]`,
		`{"const":7}`:                            "want 7",
		`{"type":"string","format":"date"}`:      "want format date",
		`{"pattern":"^a$"}`:                      "want text that matches ^a$",
		`{"maxLength":3}`:                        "maxLength: got 8, want 3",
		`{"type":"number","not":{"minimum":1}}`:  "want number, not string",
		`{"not":{"type":"string"}}`:              "'not' failed",
		`{"contentEncoding":"x","minLength":99}`: "minLength: got 8, want 99",
	} {
		set, err := Load(fstest.MapFS{"t.json": {Data: fmt.Appendf(nil, `{"properties":{"v":%s}}`, schema)}})
		if err != nil {
			t.Fatal(err)
		}
		v := set.Validate("t", []byte(`{"v":"hush-789"}`))
		if len(v) != 1 || v[0].Pointer != "/v" || v[0].Demand != want || strings.Contains(v[0].Demand, "hush") {
			t.Errorf("%s: %+v, want %s", schema, v, want)
		}
	}
	for schema, want := range map[string]string{
		`{"minimum":5.5}`: "want at least 5.5", `{"maximum":-1}`: "want at most -1",
		`{"multipleOf":2}`:       "want a multiple of 2",
		`{"exclusiveMinimum":3}`: "want more than 3", `{"exclusiveMaximum":3}`: "want less than 3",
	} {
		set, err := Load(fstest.MapFS{"t.json": {Data: []byte(schema)}})
		if err != nil {
			t.Fatal(err)
		}
		if v := set.Validate("t", []byte("3")); len(v) != 1 || v[0].Demand != want {
			t.Errorf("%s: %+v, want %s", schema, v, want)
		}
	}
}
