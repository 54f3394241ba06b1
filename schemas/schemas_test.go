package schemas

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// example is a set that no owner of this service changes.
func example(t *testing.T) *Set {
	t.Helper()
	set, err := Load(os.DirFS("testdata"))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// The comparison with released copies says nothing of a schema that has none.
func TestEachSchemaHasAReleasedCopyOrSaysThatItIsADraft(t *testing.T) {
	set, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	for _, eventType := range set.Types() {
		var says struct {
			Comment string `json:"$comment"`
		}
		if err := json.Unmarshal(set.Source(eventType), &says); err != nil {
			t.Fatalf("%s: %v", eventType, err)
		}
		_, err := os.Stat("released/" + eventType + ".json")
		if draft := strings.HasPrefix(says.Comment, "draft"); err != nil && !draft {
			t.Errorf("schemas/%s.json has no copy in schemas/released: copy it there or, while no client relies on it, "+
				`let it say "$comment": "draft"`, eventType)
		} else if err == nil && draft {
			t.Errorf("schemas/%s.json says that it is a draft, and has a copy in schemas/released", eventType)
		}
	}
}

func TestEachViolationIsPlacedAndSaysWhatWasExpected(t *testing.T) {
	got := map[string]string{}
	for _, v := range example(t).Validate("order.placed",
		[]byte(`{"order_id":"","amount":-1.5,"placed_at":"yesterday"}`)) {
		got[v.Pointer] += v.Expected + "; "
	}
	want := map[string]string{
		"":           "missing property 'currency'; ",
		"/order_id":  "minLength: got 0, want 1; ",
		"/amount":    "got number, want integer; ",
		"/placed_at": got["/placed_at"], // in the library's words
	}
	if diff := cmp.Diff(want, got); diff != "" || got["/placed_at"] == "" {
		t.Errorf("violations (-want +got):\n%s", diff)
	}
}

func TestDataThatFitsOrHasNoSchemaHasNoViolations(t *testing.T) {
	set := example(t)
	if v := set.Validate("order.placed", []byte(`{"order_id":"1","amount":1,"currency":"EUR","more":true}`)); v != nil {
		t.Errorf("data that fits: %v", v)
	}
	if v := set.Validate("unheard.of", []byte(`1`)); v != nil {
		t.Errorf("a type without a schema: %v", v)
	}
}

func TestDataThatIsMissingOrNoJSONIsAViolation(t *testing.T) {
	for _, data := range [][]byte{nil, {}, []byte(" "), []byte(`{"a"`), []byte(`{} {}`), []byte("\"\xff\"")} {
		if v := example(t).Validate("order.placed", data); len(v) != 1 {
			t.Errorf("%q: %v", data, v)
		}
	}
}

func TestASchemaThatIsBrokenOrNeedsAnotherFileIsAnErrorThatNamesItsFile(t *testing.T) {
	for _, source := range []string{
		``, `{`, `{}{}`, `null`, `[]`, "\ufeff{}", `{"type":"nothing"}`, `{"properties":{"a":5}}`, `{"pattern":"("}`,
		`{"multipleOf":0}`,
		`{"$ref":"#/$defs/missing"}`, `{"$ref":"https://example.com/other.json"}`, `{"$ref":"file:///etc/hostname"}`,
	} {
		files := fstest.MapFS{"good.json": {Data: []byte(`{}`)}, "order.lost.json": {Data: []byte(source)}}
		if _, err := Load(files); err == nil || !strings.Contains(err.Error(), "order.lost.json") {
			t.Errorf("%q: the error is %v", source, err)
		}
	}
}

func TestASetWithoutSchemasTakesAnyData(t *testing.T) {
	var none Set
	if none.Has("order.placed") || none.Source("order.placed") != nil ||
		none.Validate("order.placed", []byte(`{}`)) != nil {
		t.Error("the zero set has a schema")
	}
}

func TestANumberThatWouldCostTheMachineIsAViolation(t *testing.T) {
	set := example(t)
	for number, good := range map[string]bool{
		"1": true, "1e2": true, "1.0E+2": true, "9007199254740993": true, "1" + strings.Repeat("0", 99): true, "1e400": true,
		"1e401": false, "1e999999": false, "1E-999999": false, "1e99999999999999999999": false,
		"1" + strings.Repeat("0", 100):    false,
		"0." + strings.Repeat("1", 1<<20): false,
	} {
		// one that the schema knows, and another
		for name, pointer := range map[string]string{"amount": "/amount", "note": "/note"} {
			data := fmt.Sprintf(`{"order_id":"1","amount":1,"currency":"EUR","note":1,%q:%s}`, name, number)
			data = strings.Replace(data, fmt.Sprintf("%q:1,", name), "", 1)
			v := set.Validate("order.placed", []byte(data))
			if good != (v == nil) || v != nil && (v[0].Pointer != pointer || !strings.Contains(v[0].Expected, "digits")) {
				t.Errorf("%s of %.40s: %+v", name, number, v)
			}
		}
	}
}

func TestAMemberThatIsThereTwiceIsAViolation(t *testing.T) {
	v := example(t).Validate("order.placed", []byte(`{"order_id":"1","amount":1,"currency":"EUR","more":{"a":1,"a":2}}`))
	if len(v) != 1 || v[0].Pointer != "/more/a" || !strings.Contains(v[0].Expected, "more than once") {
		t.Errorf("%+v", v)
	}
}

func TestViolationsAreFewAndBrief(t *testing.T) {
	set, err := Load(
		fstest.MapFS{"t.json": {Data: []byte(`{"additionalProperties":{"type":"integer"},"propertyNames":{"maxLength":9}}`)}})
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("<", 1<<20)
	members := make([]string, 1000)
	for i := range members {
		members[i] = fmt.Sprintf(`"%d%s":"%s"`, i, long[:1000], long[:1000])
	}
	for _, data := range []string{`{"` + long + `":"` + long + `"}`, "{" + strings.Join(members, ",") + "}"} {
		v := set.Validate("t", []byte(data))
		size := 0
		for _, one := range v {
			size += len(one.Pointer) + len(one.Expected)
		}
		if len(v) == 0 || len(v) > 16 || size > 16*2*256 {
			t.Errorf("%d violations of %d bytes", len(v), size)
		}
	}
}

// What validation takes grows with the bytes, whatever is in them. On the machine where this was written the worst took
// 3 µs a byte; without the bound on exponents 1e999999 took 19 ms a byte.
func TestNoDataCostsMoreThanItsBytes(t *testing.T) {
	set, err := Load(fstest.MapFS{"t.json": {Data: []byte(`{
		"items": {"type": ["integer", "object", "string"], "minimum": 3, "multipleOf": 7, "enum": [1, 2.5, "x"]},
		"uniqueItems": true}`)}})
	if err != nil {
		t.Fatal(err)
	}
	const perByte = 20 * time.Microsecond // for a busy machine with a race detector
	for _, item := range []string{
		"1e999999", "1e400", "1e-400", strings.Repeat("9", 100), strings.Repeat("9", 99) + "e-400",
		"0." + strings.Repeat("7", 98) + "e400",
		"1", "-0", "{}", `"x"`, `{"a":{"a":{"a":1e400}}}`, "[[[[]]]]", `"\u0061"`, strings.Repeat("1", 200_000),
	} {
		data := []byte("[" + strings.Repeat(item+",", max(1, 20_000/len(item))) + item + "]")
		took := time.Hour
		for try := 0; try < 5 && took > perByte; try++ { // the machine may be busy with something else, but not always
			began := time.Now()
			set.Validate("t", data)
			took = time.Since(began) / time.Duration(len(data))
		}
		if took > perByte {
			t.Errorf("%.30s… takes %s a byte, of %d bytes", item, took, len(data))
		} else {
			t.Logf("%.30s… takes %s a byte", item, took)
		}
	}
}

func FuzzValidateEndsSoon(f *testing.F) {
	set, err := Load(
		fstest.MapFS{
			"t.json": {Data: []byte(`{"items":{"multipleOf":7},"properties":{"a":{"enum":[1,"x"]}},"uniqueItems":true}`)}})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{`[1e999999]`, `[1e400,1e-400]`, `{"a":0.1e+0000000000000400}`, `{"a":1,"a":2}`,
		`"\ud800"`, `[`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		began := time.Now()
		violations := set.Validate("t", data)
		if took := time.Since(began); took > time.Second+time.Duration(len(data))*20*time.Microsecond {
			t.Fatalf("takes %s for %d bytes", took, len(data))
		}
		if violations == nil && !json.Valid(data) {
			t.Fatal("is valid, and not JSON")
		}
	})
}
